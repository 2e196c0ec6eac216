// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/utf8.hpp"
#include "dbus/caller.hpp"
#include "dbus/errors.hpp"
#include "dbus/json_dict.hpp"
#include "dbus/object_path.hpp"
#include "dbus/text.hpp"
#include "dbus/variant.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <limits>

namespace virtsession::test {

using nlohmann::json;

TEST_CASE("what is valid UTF-8 stays, the rest is replaced byte by byte") {
  const std::string_view valid[] = {"",
                                    "web",
                                    "M\xc3\xbcnchen",
                                    "\xe2\x82\xac",
                                    "\xf0\x9f\x98\x80",
                                    "\xed\x9f\xbf",
                                    "\xee\x80\x80",
                                    "\xf4\x8f\xbf\xbd",
                                    "\xef\xb7\x8f",
                                    "\xef\xb7\xb0",
                                    "\x7f\x01\n"};
  for (const auto text : valid) {
    CAPTURE(text);
    CHECK(valid_utf8(text) == text);
  }
  const std::string r = "\xef\xbf\xbd";
  CHECK(valid_utf8("\xff") == r);
  CHECK(valid_utf8("a\x80z") == "a" + r + "z");
  CHECK(valid_utf8("\xc0\xaf") == r + r);                  // overlong
  CHECK(valid_utf8("\xe0\x80\xaf") == r + r + r);          // overlong
  CHECK(valid_utf8("\xf0\x80\x80\xaf") == r + r + r + r);  // overlong
  CHECK(valid_utf8("\xed\xa0\x80") == r + r + r);          // a surrogate
  CHECK(valid_utf8("\xf4\x90\x80\x80") == r + r + r + r);  // beyond U+10FFFF
  CHECK(valid_utf8("\xf5\x80\x80\x80") == r + r + r + r);  // beyond that
  CHECK(valid_utf8("\xef\xbf\xbe") == r + r + r);          // noncharacters
  CHECK(valid_utf8("\xef\xbf\xbf") == r + r + r);
  CHECK(valid_utf8("\xef\xb7\x90") == r + r + r);
  CHECK(valid_utf8("\xef\xb7\xaf") == r + r + r);
  CHECK(valid_utf8("\xf0\x9f\xbf\xbe") == r + r + r + r);
  CHECK(valid_utf8("\xe2\x82") == r + r);  // cut
  CHECK(valid_utf8("\xe2\x82z") == r + r + "z");
  CHECK(valid_utf8(std::string_view("a\0b", 3)) == "a" + r + "b");
}

namespace {

/// What a client reads of it.
VariantMap sent(const json& policy) { return sdbus::Variant(JsonDict(policy)).get<VariantMap>(); }

}  // namespace

TEST_CASE("policies become variants of the narrowest documented type") {
  const auto variants = sent({{"i", -5},
                              {"imin", std::numeric_limits<std::int32_t>::min()},
                              {"umax", std::numeric_limits<std::uint32_t>::max()},
                              {"x", std::int64_t{1} << 31},
                              {"xmin", std::numeric_limits<std::int64_t>::min()},
                              {"t", std::numeric_limits<std::uint64_t>::max()},
                              {"d", 1.0},
                              {"b", false},
                              {"s", ""},
                              {"as", {"a", "b"}},
                              {"empty", json::array()},
                              {"null", nullptr},
                              {"mixed", {"a", 1}},
                              {"object", {{"k", "\xff"}}}});
  const auto type = [&](const char* key) { return std::string(variants.at(key).peekValueType()); };
  CHECK(type("i") == "i");
  CHECK(type("imin") == "i");
  CHECK(type("umax") == "x");
  CHECK(type("x") == "x");
  CHECK(type("xmin") == "x");
  CHECK(type("t") == "t");
  CHECK(type("d") == "d");
  CHECK(type("b") == "b");
  CHECK(type("s") == "s");
  CHECK(type("as") == "as");
  CHECK(type("empty") == "as");
  CHECK_FALSE(variants.contains("null"));
  CHECK(variants.at("mixed").get<std::string>() == R"(["a",1])");
  CHECK(type("object") == "s");
  CHECK(variants.at("xmin").get<std::int64_t>() == std::numeric_limits<std::int64_t>::min());
  CHECK(variants.at("t").get<std::uint64_t>() == std::numeric_limits<std::uint64_t>::max());
  CHECK(sent(json(5)).empty());
}

TEST_CASE("a policy survives the way there and back") {
  const json policy = {{"start_order", -3},   {"start_delay_sec", 0.25},           {"start", "was-running"},
                       {"resume_sync", true}, {"stop_actions", {"save", "leave"}}, {"big", 1LL << 40}};
  const auto back = to_json(sent(policy));
  REQUIRE(back);
  CHECK(*back == policy);
}

TEST_CASE("whatever a property is, it is read as JSON") {
  using Texts = sdbus::Struct<std::string, std::string>;
  const VariantMap properties = {
      {"b", sdbus::Variant(true)},
      {"y", sdbus::Variant(std::uint8_t{7})},
      {"n", sdbus::Variant(std::int16_t{-7})},
      {"q", sdbus::Variant(std::uint16_t{65535})},
      {"u", sdbus::Variant(std::numeric_limits<std::uint32_t>::max())},
      {"x", sdbus::Variant(std::numeric_limits<std::int64_t>::min())},
      {"t", sdbus::Variant(std::numeric_limits<std::uint64_t>::max())},
      {"d", sdbus::Variant(0.5)},
      {"s", sdbus::Variant("text")},
      {"o", sdbus::Variant(sdbus::ObjectPath("/a/b"))},
      {"g", sdbus::Variant(sdbus::Signature("a{sv}"))},
      {"as", sdbus::Variant(std::vector<std::string>{"a", ""})},
      {"none", sdbus::Variant(std::vector<std::string>{})},
      {"structs", sdbus::Variant(std::vector<Texts>{{"a", "b"}})},
      {"counts", sdbus::Variant(std::map<std::string, std::uint32_t>{{"running", 2}})},
      {"by number", sdbus::Variant(std::map<std::uint32_t, std::string>{{1, "left out"}})},
      {"dict", sdbus::Variant(VariantMap{{"in", sdbus::Variant(sdbus::Variant(5))}})},
      {"dicts", sdbus::Variant(std::vector<VariantMap>{{{"port", sdbus::Variant(22)}}, {}})},
  };
  const json expected = {{"b", true},
                         {"y", 7},
                         {"n", -7},
                         {"q", 65535},
                         {"u", 4294967295},
                         {"x", std::numeric_limits<std::int64_t>::min()},
                         {"t", std::numeric_limits<std::uint64_t>::max()},
                         {"d", 0.5},
                         {"s", "text"},
                         {"o", "/a/b"},
                         {"g", nullptr},
                         {"as", {"a", ""}},
                         {"none", json::array()},
                         {"structs", json::array({{"a", "b"}})},
                         {"counts", {{"running", 2}}},
                         {"by number", json::object()},
                         {"dict", {{"in", 5}}},
                         {"dicts", json::array({{{"port", 22}}, json::object()})}};
  CHECK(*sdbus::Variant(properties).get<JsonDict>() == expected);
  const std::vector<VariantMap> list{properties, {}};
  const auto read = sdbus::Variant(list).get<std::vector<JsonDict>>();
  REQUIRE(read.size() == 2);
  CHECK(*read[0] == expected);
  CHECK(*read[1] == json::object());
  CHECK(sdbus::Variant(std::vector<VariantMap>{}).get<std::vector<JsonDict>>().empty());
}

TEST_CASE("object paths are made from uuids and read back") {
  const std::string uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  const std::string path = "/org/virtsession/Supervisor1/vm/_0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9";
  CHECK(object_path(uuid) == path);
  CHECK(uuid_of_path(path) == uuid);
  for (const auto& bad : {std::string("/org/virtsession/Supervisor1"), path + "0", path.substr(0, path.size() - 1),
                          "/a" + path, std::string("/org/virtsession/Supervisor1/vm/_"),
                          std::string("/org/virtsession/Supervisor1/vm/_0A1B2C3D_4E5F_6071_8293_A4B5C6D7E8F9")})
    CHECK_FALSE(uuid_of_path(bad).has_value());
  CHECK(object_path("../\xff x") == "/org/virtsession/Supervisor1/vm/______x");
}

TEST_CASE("a caller is described as far as it is known") {
  CHECK(describe_caller(":1.42", 0) == Caller("a D-Bus client", ":1.42"));
  CHECK(describe_caller(":1.42", std::numeric_limits<std::uint32_t>::max()) ==
        Caller("a D-Bus client", ":1.42, pid 4294967295"));
  const auto own = describe_caller(":1.42", static_cast<std::uint32_t>(getpid()));
  CHECK(own.name == "adapter_dbus");
  CHECK(own.client.starts_with(":1.42, pid " + std::to_string(getpid())));
}

TEST_CASE("errors of the API are named after their text") {
  for (const auto& [code, text] : kEnumText<ErrorCode>.rows) {
    const bool is_common = code == ErrorCode::invalid_args || code == ErrorCode::access_denied;
    const std::string prefix = is_common ? "org.freedesktop.DBus.Error." : "org.virtsession.Supervisor1.Error.";
    CHECK(dbus_error_name(code) == prefix + std::string(text));
  }
}

}  // namespace virtsession::test
