// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"
#include "service.hpp"
#include "util/unique_c_ptr.hpp"

#include <doctest/doctest.h>
#include <systemd/sd-bus.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <random>
#include <regex>
#include <set>

// Every method and property of the API, as its introspection tells, with values of the right types and of wrong ones.
// VIRTSESSION_FUZZ_CALLS=N has N calls of each, VIRTSESSION_SEED=N another seed. A failure prints the call.

namespace virtsession::test {

namespace {

using Message = UniqueCPtr<sd_bus_message, sd_bus_message_unref>;

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

/// Values by signature. What is put into a message is also kept as text, for a failure.
class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}

  std::size_t pick(std::size_t below) { return random_() % below; }
  template <std::size_t kSize>
  const char* one_of(const std::array<const char*, kSize>& texts) {
    return texts[pick(kSize)];
  }

  std::string signature() {
    static constexpr std::array<const char*, 14> kSignatures{"",   "s",      "i", "b",   "u",    "a{sv}",  "sa{sv}",
                                                             "as", "ba{sv}", "v", "aay", "(si)", "ta{sv}", "a{sv}s"};
    return one_of(kSignatures);
  }

  /// Appends one value for each complete type of the signature.
  void append(sd_bus_message* message, const std::string& signature, int depth = 0) {
    for (std::size_t at = 0; at < signature.size();) {
      const auto type = signature.substr(at, length_of_type(signature, at));
      append_one(message, type, depth);
      at += type.size();
    }
  }

  std::string text;

 private:
  static std::size_t length_of_type(const std::string& signature, std::size_t at) {
    if (signature[at] == 'a') return 1 + length_of_type(signature, at + 1);
    if (signature[at] != '(' && signature[at] != '{') return 1;
    int open = 0;
    for (auto end = at;; ++end) {
      if (signature[end] == '(' || signature[end] == '{') ++open;
      if ((signature[end] == ')' || signature[end] == '}') && --open == 0) return end - at + 1;
    }
  }

  std::string string() {
    static constexpr std::array<const char*, 24> kTexts{"",
                                                        "web",
                                                        kWebUuid,
                                                        "nosuch",
                                                        "wait",
                                                        "paused",
                                                        "policy",
                                                        "force",
                                                        "keys",
                                                        "timeout_sec",
                                                        "interactive",
                                                        "start_order",
                                                        "stop_actions",
                                                        "ports",
                                                        "shutdown",
                                                        "2222:22",
                                                        "\xf0\x9f\x98\x80",
                                                        "a\nb\tc",
                                                        "%s%n%p",
                                                        "/",
                                                        "/org/virtsession/Supervisor1",
                                                        "null",
                                                        "{\"a\": 1}",
                                                        "99999999999999999999"};
    if (pick(40) == 0) return std::string(100'000, 'x');
    return one_of(kTexts);
  }

  double number() {
    static constexpr std::array<double, 8> kNumbers{0,
                                                    -1,
                                                    0.5,
                                                    86'400,
                                                    1e308,
                                                    -1e308,
                                                    std::numeric_limits<double>::infinity(),
                                                    std::numeric_limits<double>::quiet_NaN()};
    return kNumbers[pick(kNumbers.size())];
  }

  std::uint64_t bits() {
    static constexpr std::array<std::uint64_t, 7> kBits{0, 1, 5, 0x7fffffff, 0x80000000, 0x7fffffffffffffff, ~0ULL};
    return kBits[pick(kBits.size())];
  }

  void append_one(sd_bus_message* message, const std::string& type, int depth) {
    text += type.front();
    switch (type.front()) {
      case 's': {
        const auto value = string();
        text += "\"" + value.substr(0, 40) + "\" ";
        REQUIRE(sd_bus_message_append_basic(message, 's', value.c_str()) >= 0);
        return;
      }
      case 'o':
        REQUIRE(sd_bus_message_append_basic(message, 'o', pick(2) ? kWebPath : "/") >= 0);
        return;
      case 'g':
        REQUIRE(sd_bus_message_append_basic(message, 'g', pick(2) ? "a{sv}" : "") >= 0);
        return;
      case 'd': {
        const auto value = number();
        REQUIRE(sd_bus_message_append_basic(message, 'd', &value) >= 0);
        return;
      }
      case 'b': {
        const int value = static_cast<int>(pick(2));
        REQUIRE(sd_bus_message_append_basic(message, 'b', &value) >= 0);
        return;
      }
      case 'v': {
        static constexpr std::array<const char*, 18> kContents{"s", "b",  "i",     "u",  "d", "x",    "t",  "n", "q",
                                                               "y", "as", "a{sv}", "av", "v", "(si)", "ay", "o", "aas"};
        const std::string content = depth > 6 ? "s" : one_of(kContents);
        REQUIRE(sd_bus_message_open_container(message, 'v', content.c_str()) >= 0);
        append(message, content, depth + 1);
        REQUIRE(sd_bus_message_close_container(message) >= 0);
        return;
      }
      case 'a': {
        const auto element = type.substr(1);
        REQUIRE(sd_bus_message_open_container(message, 'a', element.c_str()) >= 0);
        for (auto count = pick(depth > 4 ? 1 : 4); count > 0; --count) append(message, element, depth + 1);
        REQUIRE(sd_bus_message_close_container(message) >= 0);
        return;
      }
      case '(':
      case '{': {
        const auto content = type.substr(1, type.size() - 2);
        REQUIRE(sd_bus_message_open_container(message, type.front() == '(' ? 'r' : 'e', content.c_str()) >= 0);
        append(message, content, depth + 1);
        REQUIRE(sd_bus_message_close_container(message) >= 0);
        return;
      }
      default: {
        const auto value = bits();
        REQUIRE(sd_bus_message_append_basic(message, type.front(), &value) >= 0);
        return;
      }
    }
  }

  std::mt19937 random_;
};

struct Member {
  std::string name, signature;
};

/// What is between the tags of one interface.
std::string part_of(const std::string& xml, const std::string& interface) {
  const auto begin = xml.find("<interface name=\"" + interface + "\"");
  REQUIRE(begin != std::string::npos);
  return xml.substr(begin, xml.find("</interface>", begin) - begin);
}

std::vector<Member> methods_in(const std::string& xml) {
  std::vector<Member> methods;
  const std::regex method("<method name=\"(\\w+)\"(?:/>|>([^]*?)</method>)"),
      argument("<arg type=\"([^\"]+)\"[^>]*direction=\"in\"");
  for (std::sregex_iterator found(xml.begin(), xml.end(), method), end; found != end; ++found) {
    Member member{(*found)[1], {}};
    const std::string body = (*found)[2];
    for (std::sregex_iterator in(body.begin(), body.end(), argument); in != end; ++in) member.signature += (*in)[1];
    methods.push_back(member);
  }
  return methods;
}

std::vector<Member> properties_in(const std::string& xml) {
  std::vector<Member> properties;
  const std::regex property("<property name=\"(\\w+)\" type=\"([^\"]+)\"");
  for (std::sregex_iterator found(xml.begin(), xml.end(), property), end; found != end; ++found)
    properties.push_back({(*found)[1], (*found)[2]});
  return properties;
}

class Fuzzer {
 public:
  explicit Fuzzer(const PrivateBus& bus) : values_(from_environment("VIRTSESSION_SEED", 1)) {
    sd_bus* made = nullptr;
    REQUIRE(sd_bus_new(&made) >= 0);
    bus_.reset(made);
    REQUIRE(sd_bus_set_address(made, bus.address().c_str()) >= 0);
    REQUIRE(sd_bus_set_bus_client(made, 1) >= 0);
    REQUIRE(sd_bus_start(made) >= 0);
  }

  /// \param properties the call is Set or Get of a property of `interface`
  void call(const std::string& path, const std::string& interface, const std::string& method,
            const std::string& signature, const std::string& property_interface = {},
            const std::string& property = {}) {
    sd_bus_message* made = nullptr;
    REQUIRE(sd_bus_message_new_method_call(bus_.get(), &made, std::string(kBusName).c_str(), path.c_str(),
                                           interface.c_str(), method.c_str()) >= 0);
    const Message message(made);
    values_.text.clear();
    if (!property.empty())
      REQUIRE(sd_bus_message_append(made, "ss", property_interface.c_str(), property.c_str()) >= 0);
    values_.append(made, signature);
    sd_bus_error error{};
    sd_bus_message* answer = nullptr;
    const auto result = sd_bus_call(bus_.get(), made, 20'000'000, &error, &answer);
    const Message owned(answer);
    const std::string name = error.name ? error.name : "", text = error.message ? error.message : "";
    sd_bus_error_free(&error);
    CAPTURE(method);
    CAPTURE(property);
    CAPTURE(signature);
    CAPTURE(values_.text);
    CAPTURE(text);
    ++calls;
    answered += result >= 0 ? 1 : 0;
    if (result >= 0) return;
    static const std::set<std::string> kGood{
        "org.freedesktop.DBus.Error.InvalidArgs",      "org.freedesktop.DBus.Error.InvalidSignature",
        "org.freedesktop.DBus.Error.PropertyReadOnly", "org.freedesktop.DBus.Error.UnknownMethod",
        "org.freedesktop.DBus.Error.UnknownProperty",  "org.freedesktop.DBus.Error.UnknownInterface",
        "org.virtsession.Supervisor1.Error.NoSuchVM",  "org.virtsession.Supervisor1.Error.InvalidPolicy"};
    CAPTURE(name);
    CHECK(kGood.contains(name));
    CHECK_FALSE(text.empty());
  }

  Values& values() { return values_; }

  int calls = 0, answered = 0;

 private:
  UniqueCPtr<sd_bus, sd_bus_flush_close_unref> bus_;
  Values values_;
};

}  // namespace

TEST_CASE("fuzz: whatever is sent to a method or property is answered, with an error that says what is wrong") {
  PrivateBus bus;
  Service service{bus};
  service.add(web());
  Client client(bus);
  Fuzzer fuzzer(bus);
  const auto rounds = from_environment("VIRTSESSION_FUZZ_CALLS", 30);
  const std::pair<std::string, std::string> objects[] = {{std::string(kRootPath), kManagerInterface},
                                                         {kWebPath, kVmInterface}};
  for (const auto& object : objects) {
    const auto& path = object.first;
    const auto& interface = object.second;
    const auto xml = part_of(client.introspect(path), interface);
    const auto methods = methods_in(xml);
    const auto properties = properties_in(xml);
    CHECK(methods.size() >= 10);
    CHECK(properties.size() >= 10);
    for (const auto& method : methods) {
      const int before = fuzzer.answered;
      for (unsigned round = 0; round < rounds; ++round) {
        const bool right = round % 3 != 0;
        fuzzer.call(path, interface, method.name, right ? method.signature : fuzzer.values().signature());
      }
      CAPTURE(method.name);
      if (method.signature == "a{sv}") CHECK(fuzzer.answered > before);  // without options, at least
    }
    for (const auto& property : properties) {
      fuzzer.call(path, kPropertiesInterface, "Get", "", interface, property.name);
      for (unsigned round = 0; round < rounds / 3; ++round)
        fuzzer.call(path, kPropertiesInterface, "Set", "v", interface, property.name);
    }
    for (unsigned round = 0; round < rounds; ++round)
      fuzzer.call(path, kPropertiesInterface, round % 2 ? "Get" : "GetAll", fuzzer.values().signature());
  }
  MESSAGE(fuzzer.calls << " calls, " << fuzzer.answered << " without an error");
  // It lives, and shows what it showed.
  CHECK(client.get_all(kWebPath, kVmInterface).at("Name").get<std::string>() == "web");
  CHECK(client.managed_objects().size() >= 1);
}

}  // namespace virtsession::test
