// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.hpp"

#include "core/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>

namespace virtsession {
namespace {

using nlohmann::json;

/// One key: how it is checked, stored, shown and described. A new key is one row in kKeys, one member of Policy, one
/// entry in config.schema.json and config.json (a unit test compares them).
struct Key {
  std::string_view name;
  /// \return what is wrong with the value, or empty
  std::function<std::string(const json&)> check;
  std::function<void(Policy&, const json&)> apply;
  std::function<json(const Policy&)> get;
  json schema;
};

std::string expected(std::string_view what, const json& value) {
  return "must be " + std::string(what) + ", not " + std::string(json_type_name(value));
}

template <class T>
std::string number_text(T value) {
  return json(value).dump();
}

std::string check_integer(const json& value, std::int64_t low, std::int64_t high) {
  if (!value.is_number_integer()) return expected("an integer", value);
  const bool too_big = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  if (too_big || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
    return "must be from " + number_text(low) + " to " + number_text(high);
  return {};
}

Key integer(std::string_view name, std::int64_t Policy::*member, std::int64_t low, std::int64_t high) {
  return {name,
          [=](const json& value) { return check_integer(value, low, high); },
          [=](Policy& policy, const json& value) { policy.*member = value.get<std::int64_t>(); },
          [=](const Policy& policy) { return json(policy.*member); },
          {{"type", "integer"}, {"minimum", low}, {"maximum", high}}};
}

/// A number that may be left open, which null says.
Key optional_integer(std::string_view name, std::optional<std::int64_t> Policy::*member, std::int64_t low,
                     std::int64_t high) {
  using Number = std::optional<std::int64_t>;
  return {name,
          [=](const json& value) {
            if (value.is_null()) return std::string();
            return check_integer(value, low, high);
          },
          [=](Policy& policy, const json& value) {
            policy.*member = value.is_null() ? Number() : Number(value.get<std::int64_t>());
          },
          [=](const Policy& policy) { return policy.*member ? json(*(policy.*member)) : json(); },
          {{"type", {"integer", "null"}}, {"minimum", low}, {"maximum", high}}};
}

Key seconds(std::string_view name, double Policy::*member, double low, double high) {
  return {name,
          [=](const json& value) -> std::string {
            if (!value.is_number()) return expected("a number of seconds", value);
            const auto number = value.get<double>();
            if (!(number >= low && number <= high))
              return "must be from " + number_text(low) + " to " + number_text(high) + " seconds";
            return {};
          },
          [=](Policy& policy, const json& value) { policy.*member = value.get<double>(); },
          [=](const Policy& policy) { return json(policy.*member); },
          {{"type", "number"}, {"minimum", low}, {"maximum", high}}};
}

Key boolean(std::string_view name, bool Policy::*member) {
  return {name,
          [](const json& value) { return value.is_boolean() ? std::string() : expected("true or false", value); },
          [=](Policy& policy, const json& value) { policy.*member = value.get<bool>(); },
          [=](const Policy& policy) { return json(policy.*member); },
          {{"type", "boolean"}}};
}

template <class E>
Key choice(std::string_view name, E Policy::*member) {
  json values = json::array();
  for (const auto& [value, text] : kEnumText<E>.rows) values.push_back(text);
  return {
      name,
      [values](const json& value) -> std::string {
        if (value.is_string() && from_text<E>(value.get_ref<const std::string&>())) return {};
        return "must be one of " + values.dump();
      },
      [=](Policy& policy, const json& value) { policy.*member = *from_text<E>(value.get_ref<const std::string&>()); },
      [=](const Policy& policy) { return json(to_text(policy.*member)); },
      {{"type", "string"}, {"enum", values}}};
}

using TextCheck = std::string (*)(const std::string&);

Key strings(std::string_view name, std::vector<std::string> Policy::*member, TextCheck check_one, json item_schema) {
  return {name,
          [=](const json& value) -> std::string {
            if (!value.is_array()) return expected("a list of strings", value);
            if (value.size() > 256) return "must have at most 256 entries";
            for (const auto& entry : value) {
              if (!entry.is_string()) return "must be a list of strings, and has " + std::string(json_type_name(entry));
              if (auto problem = check_one(entry.get_ref<const std::string&>()); !problem.empty()) return problem;
            }
            return {};
          },
          [=](Policy& policy, const json& value) { policy.*member = value.get<std::vector<std::string>>(); },
          [=](const Policy& policy) { return json(policy.*member); },
          {{"type", "array"}, {"maxItems", 256}, {"items", std::move(item_schema)}}};
}

/// A list of different values of an enum, the first of which is tried first.
template <class E>
Key choices(std::string_view name, std::vector<E> Policy::*member) {
  json values = json::array();
  for (const auto& [value, text] : kEnumText<E>.rows) values.push_back(text);
  const auto one = [](const json& entry) {
    return entry.is_string() ? from_text<E>(entry.get_ref<const std::string&>()) : std::nullopt;
  };
  return {
      name,
      [=](const json& value) -> std::string {
        if (!value.is_array() || value.empty()) return "must be a list of one or more of " + values.dump();
        std::vector<E> seen;
        for (const auto& entry : value) {
          const auto choice = one(entry);
          if (!choice) return "has an entry that is none of " + values.dump();
          if (std::ranges::find(seen, *choice) != seen.end()) return "has " + entry.dump() + " twice";
          seen.push_back(*choice);
        }
        return {};
      },
      [=](Policy& policy, const json& value) {
        (policy.*member).clear();
        for (const auto& entry : value) (policy.*member).push_back(*one(entry));
      },
      [=](const Policy& policy) {
        auto list = json::array();
        for (const auto value : policy.*member) list.push_back(to_text(value));
        return list;
      },
      {{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}, {"items", {{"type", "string"}, {"enum", values}}}}};
}

std::string check_vm_name(const std::string& name) { return name.empty() ? "has an empty name" : ""; }

std::string check_path(const std::string& path) {
  if (!path.starts_with('/')) return "must have absolute paths, and has \"" + path + "\"";
  return path.find('\0') == std::string::npos ? "" : "has a path with a NUL byte";
}

/// Services, mounts, automounts and sockets: what serves a disk. A target may come after virtsessiond itself, and a VM
/// that waited for it would go in a circle; so would one that waits for our own units.
std::string check_unit(const std::string& unit) {
  const auto dot = unit.rfind('.');
  const auto type = dot == std::string::npos ? std::string() : unit.substr(dot);
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr(":-_.\\@", c);
  };
  const bool is_unit = dot != 0 && dot != std::string::npos && unit.size() <= 255 &&
                       std::ranges::all_of(unit, [&](char c) { return c != 0 && is_good(c); });
  const bool serves = type == ".service" || type == ".mount" || type == ".automount" || type == ".socket";
  if (!is_unit || !serves) return "must list services, mounts, automounts or sockets, not " + json(unit).dump();
  if (unit[dot - 1] == '@') return "must name an instance, not the template \"" + unit + "\"";
  return unit.starts_with("virtsessiond.") || unit.starts_with("virtsession-")
             ? "has " + unit + ", which is one of virtsession's own"
             : "";
}

Key readiness(std::string_view name) {
  return {name,
          [](const json& value) -> std::string {
            if (value.is_string() && parse_readiness(value.get_ref<const std::string&>())) return {};
            return "must be started, agent, delay or tcp:HOST:PORT";
          },
          [](Policy& policy, const json& value) {
            policy.start_ready = *parse_readiness(value.get_ref<const std::string&>());
          },
          [](const Policy& policy) { return json(to_text(policy.start_ready)); },
          {{"type", "string"}, {"pattern", "^(started|agent|delay|tcp:.+:[0-9]{1,5})$"}}};
}

Key forwards(std::string_view name) {
  const auto read = [](const json& value, std::vector<PortSpec>& specs) -> std::string {
    if (!value.is_array()) return expected("a list of strings", value);
    if (value.size() > 256) return "must have at most 256 entries";
    for (const auto& entry : value) {
      if (!entry.is_string()) return "must be a list of strings, and has " + std::string(json_type_name(entry));
      auto spec = parse_port_spec(entry.get_ref<const std::string&>());
      if (!spec) return "has a bad entry: " + spec.error().message;
      specs.push_back(*std::move(spec));
    }
    return contradiction(specs);
  };
  return {name,
          [=](const json& value) {
            std::vector<PortSpec> specs;
            return read(value, specs);
          },
          [=](Policy& policy, const json& value) {
            policy.ports.clear();
            read(value, policy.ports);
          },
          [](const Policy& policy) {
            auto list = json::array();
            for (const auto& spec : policy.ports) list.push_back(spec.text);
            return list;
          },
          {{"type", "array"},
           {"maxItems", 256},
           {"uniqueItems", true},
           {"items", {{"type", "string"}, {"pattern", kPortSpecPattern}}}}};
}

constexpr double kDay = 86400;

const std::vector<Key>& keys() {
  static const std::vector<Key> table = {
      choice("start", &Policy::start),
      integer("start_order", &Policy::start_order, -1000000, 1000000),
      strings("start_after", &Policy::start_after, check_vm_name, {{"type", "string"}, {"minLength", 1}}),
      seconds("start_delay_sec", &Policy::start_delay_sec, 0, kDay),
      readiness("start_ready"),
      seconds("start_ready_timeout_sec", &Policy::start_ready_timeout_sec, 0.1, kDay),
      seconds("start_ready_delay_sec", &Policy::start_ready_delay_sec, 0, kDay),
      integer("start_retries", &Policy::start_retries, 0, 1000),
      boolean("start_if_ac_power", &Policy::start_if_ac_power),
      boolean("start_if_graphical", &Policy::start_if_graphical),
      integer("start_if_free_memory_mib", &Policy::start_if_free_memory_mib, 0, std::int64_t{1} << 30),
      strings("start_if_paths", &Policy::start_if_paths, check_path, {{"type", "string"}, {"pattern", "^/"}}),
      strings("after_units", &Policy::after_units, check_unit,
              {{"type", "string"},
               {"maxLength", 255},
               {"pattern", R"(^[A-Za-z0-9:_.\\@-]*[A-Za-z0-9:_.\\-]\.(service|mount|automount|socket)$)"}}),
      choice("restart", &Policy::restart),
      seconds("restart_delay_sec", &Policy::restart_delay_sec, 0, kDay),
      seconds("restart_delay_max_sec", &Policy::restart_delay_max_sec, 0, kDay),
      integer("restart_limit", &Policy::restart_limit, 0, 1000),
      seconds("restart_window_sec", &Policy::restart_window_sec, 1, 365 * kDay),
      choice("when_saved_by_others", &Policy::when_saved_by_others),
      choices("stop_actions", &Policy::stop_actions),
      seconds("stop_timeout_sec", &Policy::stop_timeout_sec, 0.1, kDay),
      optional_integer("stop_order", &Policy::stop_order, -1000000, 1000000),
      choice("sleep", &Policy::sleep),
      choice("on_battery", &Policy::on_battery),
      choice("on_low_battery", &Policy::on_low_battery),
      boolean("resume_when_unstuck", &Policy::resume_when_unstuck),
      boolean("resume_sync_time", &Policy::resume_sync_time),
      forwards("ports"),
      optional_integer("cpu_weight", &Policy::cpu_weight, 1, 10000),  // systemd.resource-control(5)
      optional_integer("io_weight", &Policy::io_weight, 1, 10000),
      optional_integer("memory_high_mib", &Policy::memory_high_mib, 1, std::int64_t{1} << 30),
  };
  return table;
}

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(keys(), name, &Key::name);
  return found == keys().end() ? nullptr : &*found;
}

/// What may stand between "tcp:" and the port; brackets are the text's, not the host's.
bool is_host(std::string_view host) {
  const auto is_good = [](char c) { return c > ' ' && c <= '~' && c != '[' && c != ']'; };
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, is_good);
}

}  // namespace

std::optional<Readiness> parse_readiness(std::string_view text) {
  if (text == "started") return Readiness{};
  if (text == "agent") return Readiness{ReadyWhen::agent, {}, 0};
  if (text == "delay") return Readiness{ReadyWhen::delay, {}, 0};
  if (!text.starts_with("tcp:")) return std::nullopt;
  text.remove_prefix(4);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto end = port_text.data() + port_text.size();
  const auto parsed = std::from_chars(port_text.data(), end, port);
  if (!is_host(host) || parsed.ec != std::errc() || parsed.ptr != end || port == 0) return std::nullopt;
  return Readiness{ReadyWhen::tcp, std::string(host), port};
}

std::string to_text(const Readiness& readiness) {
  switch (readiness.when) {
    case ReadyWhen::started:
      return "started";
    case ReadyWhen::agent:
      return "agent";
    case ReadyWhen::delay:
      return "delay";
    case ReadyWhen::tcp:
      break;
  }
  const bool address_v6 = readiness.host.find(':') != std::string::npos;
  return "tcp:" + (address_v6 ? "[" + readiness.host + "]" : readiness.host) + ":" + std::to_string(readiness.port);
}

namespace {

Problem unknown_policy_key(const std::string& pointer, const std::string& name) {
  const auto meant = closest_match(name, policy_key_names());
  return {pointer + json_pointer_part(name), "unknown key " + name, meant.empty() ? "" : "did you mean " + meant + "?",
          ProblemCode::unknown_key};
}

}  // namespace

PolicyKeys check_policy(const json& given) {
  ProblemList problems;
  PolicyKeys result;
  result.used = check_policy(given, {}, problems);
  result.problems = problems.take();
  return result;
}

json check_policy(const json& given, const std::string& pointer, ProblemList& problems) {
  auto used = json::object();
  if (!given.is_object()) {
    problems.add(Problem{pointer, expected("an object of policy keys", given), ""});
    return used;
  }
  for (const auto& [name, value] : given.items()) {
    const auto* key = find_key(name);
    if (!key) {
      const std::string& unknown = name;
      problems.add([&] { return unknown_policy_key(pointer, unknown); });
    } else if (auto problem = key->check(value); !problem.empty()) {
      problems.add(Problem{pointer + json_pointer_part(name), name + " " + problem,
                           "the default is " + key->get(Policy{}).dump(), ProblemCode::invalid_value});
    } else {
      used[name] = value;
    }
  }
  return used;
}

PolicyText read_policy_text(std::string_view text) {
  PolicyText result;
  auto parsed = parse_json(text, JsonComments::refuse);
  if (!parsed) {
    ProblemList problems;
    problems.add(Problem{"", "the policy is not JSON: " + parsed.error().message, ""});
    result.keys.problems = problems.take();
    return result;
  }
  result.keys = check_policy(*parsed);
  if (parsed->is_object()) result.raw = std::move(parsed).value();
  return result;
}

void apply_policy(Policy& policy, const json& used) {
  for (const auto& [name, value] : used.items())
    if (const auto* key = find_key(name)) key->apply(policy, value);
}

json to_json(const Policy& policy) {
  auto result = json::object();
  for (const auto& key : keys()) result[std::string(key.name)] = key.get(policy);
  return result;
}

std::vector<std::string_view> policy_key_names() {
  std::vector<std::string_view> names;
  for (const auto& key : keys()) names.push_back(key.name);
  return names;
}

json policy_key_schema(std::string_view name) {
  const auto* key = find_key(name);
  if (!key) return nullptr;
  auto schema = key->schema;
  schema["default"] = key->get(Policy{});
  return schema;
}

}  // namespace virtsession
