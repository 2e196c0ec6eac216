// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_edit.hpp"

#include "console.hpp"
#include "core/json_text.hpp"
#include "core/policy.hpp"
#include "dbus/json_dict.hpp"
#include "text.hpp"
#include "util/shell_word.hpp"
#include "vm_info.hpp"
#include "vm_operation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

namespace virtsession::ctl {
namespace {

std::string editor() {
  for (const char* const variable : {"VISUAL", "EDITOR"})
    if (const char* const value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  for (const char* const program : {"/usr/bin/editor", "/usr/bin/nano", "/usr/bin/vi"})
    if (access(program, X_OK) == 0) return program;
  throw Failure(kFailed, "there is no editor", "Name one:  EDITOR=nano virtsessionctl policy VM --edit");
}

using nlohmann::json;

/// A key that may be unset is of the first of its types.
std::string type_in(const json& schema) {
  const auto& type = schema.at("type");
  return type.is_array() ? type.front().get<std::string>() : type.get<std::string>();
}

std::string type_of(const std::string& key, const json& policy) {
  if (const auto schema = policy_key_schema(key); schema.is_object()) return type_in(schema);
  const auto now = policy.is_object() && policy.contains(key) ? policy.at(key) : json();
  return now.is_boolean()          ? "boolean"
         : now.is_number_integer() ? "integer"
         : now.is_number()         ? "number"
         : now.is_array()          ? "array"
                                   : "string";
}

template <class Number>
json number(const std::string& text) {
  Number value{};
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? json(value) : json(text);
}

json boolean(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return text;
}

json list(const std::string& text) {
  if (text.starts_with('[')) {
    auto parsed = json::parse(text, nullptr, false);
    return parsed.is_discarded() ? json(text) : parsed;
  }
  auto entries = json::array();
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto comma = std::min(text.find(',', begin), text.size());
    entries.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return entries;
}

Outcome call(Client& client, Console& console, const VmInfo& vm, const std::vector<Send>& steps) {
  Outcome ended;
  Calls(client, console, {vm}).run({{vm.path, steps}}, std::nullopt, [&](std::size_t, const Outcome& outcome) {
    ended = outcome;
  });
  return ended;
}

void call_or_fail(Client& client, Console& console, const VmInfo& vm, const std::vector<Send>& steps) {
  const auto ended = call(client, console, vm, steps);
  if (!ended.succeeded())
    throw Failure(kFailed, printable(vm.name()) + ": " + printable(ended.message),
                  hint_for(ended.error_name, vm.command_word()));
}

Send set_method(const json& keys) { return send_method(kVmInterface, "SetPolicy", JsonDict(keys), VariantMap()); }

Send clear_method(const std::vector<std::string>& keys) {
  VariantMap options;
  if (!keys.empty()) options.emplace("keys", sdbus::Variant(keys));
  return vm_method("ClearPolicy", options);
}

/// What a person gets to edit: what the VM carries, under what there is to choose from.
std::string draft_text(const VmInfo& vm) {
  auto text = fmt::format(
      "// The policy that VM \"{}\" carries. What is not set here comes from the defaults, which are now:\n",
      printable(vm.name()));
  const auto& policy = vm.value("Policy");
  for (const auto& key : policy_keys(policy)) {
    if (policy_source(vm, key) == "vm") continue;
    const auto value = policy.contains(key) ? policy.at(key).dump() + "," : "(not set)";
    text += fmt::format("//   {:<52} {}\n", json(key).dump() + ": " + value, policy_key_range(key));
  }
  for (const auto& problem : vm.value("PolicyProblems"))
    text += fmt::format("// Not used: {}\n", printable(problem.value("text", std::string())));
  return text + vm.value("PolicyOverrides").dump(2) + "\n";
}

/// \return what is wrong with a text, or nothing when it has been applied
std::optional<std::string> apply(Client& client, Console& console, const VmInfo& vm, const json& before,
                                 const std::string& text) {
  const auto parsed = parse_json(text, JsonComments::ignore);
  if (!parsed) return parsed.error().message;
  if (!parsed->is_object()) return "the text must be an object: { ... }";
  std::vector<std::string> removed;
  for (const auto& [key, _] : before.items())
    if (!parsed->contains(key)) removed.push_back(key);
  for (const auto& [key, value] : parsed->items())
    if (value.is_null()) return key + " is null; to go back to the default, take the line out";
  std::vector<Send> steps;
  if (!parsed->empty()) steps.push_back(set_method(*parsed));
  if (!removed.empty()) steps.push_back(clear_method(removed));
  const auto ended = call(client, console, vm, steps);
  if (ended.succeeded()) return std::nullopt;
  return ended.message;
}

bool wants_another_try() {
  if (isatty(STDIN_FILENO) != 1) return false;
  std::fputs("Edit again? [Y/n] ", stderr);
  const int answer = std::getchar();
  for (int rest = answer; rest != '\n' && rest != EOF;) rest = std::getchar();
  return answer != 'n' && answer != 'N' && answer != EOF;
}

/// A text that a person edits in $VISUAL, $EDITOR or the system's editor, in a file of its own that goes with it.
class Draft {
 public:
  /// \throws std::system_error
  explicit Draft(const std::string& text);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  /// Waits until the editor has ended. \return what the file has then \throws Failure when the editor failed
  std::string edit() const;
  /// Leaves the file where it is. \return its path
  std::string keep();

 private:
  std::filesystem::path folder_;
  std::filesystem::path file_;
  bool kept_ = false;
};

Draft::Draft(const std::string& text) {
  auto pattern = (std::filesystem::temp_directory_path() / "virtsessionctl-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "failed to make a folder for the text");
  folder_ = pattern;
  file_ = folder_ / "policy.json";
  std::ofstream(file_) << text;
}

Draft::~Draft() {
  if (kept_) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Draft::edit() const {
  // The variable may have options: "code --wait". system(3) leaves Ctrl-C to the editor.
  const auto command = editor() + " " + shell_word(file_.string());
  if (const int status = std::system(command.c_str()); status != 0)
    throw Failure(kFailed, "the editor failed, and nothing is changed: " + printable(command));
  std::ostringstream text;
  text << std::ifstream(file_).rdbuf();
  return text.str();
}

std::string Draft::keep() {
  kept_ = true;
  return file_.string();
}

}  // namespace

json parse_policy_value(const std::string& key, const std::string& text, const json& policy) {
  const auto type = type_of(key, policy);
  if (type == "integer") return number<std::int64_t>(text);
  if (type == "number") return number<double>(text);
  if (type == "boolean") return boolean(text);
  if (type == "array") return list(text);
  return text;
}

std::string policy_source(const VmInfo& vm, const std::string& key) {
  const auto overrides = vm.value("PolicyOverrides");
  if (overrides.is_object() && overrides.contains(key)) return "vm";
  const auto schema = policy_key_schema(key);
  const auto& policy = vm.value("Policy");
  if (!policy.contains(key)) return "not set";
  const bool is_built_in = schema.is_object() && schema.at("default") == policy.at(key);
  return is_built_in ? "built-in" : "configuration";
}

std::string policy_key_range(const std::string& key) {
  const auto schema = policy_key_schema(key);
  if (!schema.is_object()) return {};
  const auto type = type_in(schema);
  if (type == "boolean") return "true or false";
  if (schema.contains("minimum"))
    return policy_value_text(schema.at("minimum")) + " to " + policy_value_text(schema.at("maximum"));
  std::string values;
  for (const auto& value : policy_key_values(key)) values += (values.empty() ? "" : ", ") + value;
  if (type == "array") return values.empty() ? "a list of texts" : "a list of " + values;
  return values;
}

std::vector<std::string> policy_key_values(const std::string& key) {
  const auto schema = policy_key_schema(key);
  if (!schema.is_object()) return {};
  if (type_in(schema) == "boolean") return {"true", "false"};
  const auto& one = policy_key_is_list(key) ? schema.at("items") : schema;
  if (one.contains("enum")) return one.at("enum").get<std::vector<std::string>>();
  if (key == "start_ready") return {"started", "agent", "delay", "tcp:"};
  return {};
}

bool policy_key_is_list(const std::string& key) {
  const auto schema = policy_key_schema(key);
  return schema.is_object() && type_in(schema) == "array";
}

std::vector<std::string> policy_keys(const json& policy) {
  std::set<std::string> keys;
  for (const auto& [key, _] : policy.items()) keys.insert(key);
  for (const auto key : policy_key_names()) keys.emplace(key);
  return {keys.begin(), keys.end()};
}

void set_policy(Client& client, Console& console, const VmInfo& vm, const json& keys) {
  call_or_fail(client, console, vm, {set_method(keys)});
}

void clear_policy(Client& client, Console& console, const VmInfo& vm, const std::vector<std::string>& keys) {
  call_or_fail(client, console, vm, {clear_method(keys)});
}

bool edit_policy(Client& client, Console& console, const VmInfo& vm) {
  const auto before = vm.value("PolicyOverrides");
  const auto original = draft_text(vm);
  Draft draft(original);
  while (true) {
    const auto text = draft.edit();
    const auto parsed = parse_json(text, JsonComments::ignore);
    if (text == original || (parsed && *parsed == before)) return false;
    const auto problem = apply(client, console, vm, before, text);
    if (!problem) return true;
    console.error(printable(*problem));
    if (!wants_another_try())
      throw Failure(kFailed, "the policy stays as it was", "What you wrote is in " + draft.keep());
  }
}

}  // namespace virtsession::ctl
