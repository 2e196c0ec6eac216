// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/config.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

namespace {

std::string wrong(std::string_view text) { return to_text(read_config(text).problems); }

}  // namespace

TEST_CASE("config: an empty object is the built-in configuration") {
  const auto read = read_config("{}");
  CHECK(read.problems.empty());
  CHECK(read.config == Config{});
}

TEST_CASE("config: every key, with comments and a schema for the editor") {
  const auto read = read_config(R"(// mine
    {
      "$schema": "config.schema.json",
      "libvirt_daemon": "virtqemud", /* Fedora */
      "autostart": false,
      "parallel": 1,
      "stop_parallel": 64,
      "notifications": false,
      "history_size": 10000,
      "log_level": "debug",
      "defaults": {"restart": "on-failure"}
    })");
  CHECK(to_text(read.problems) == "");
  CHECK(read.config.libvirt_daemon == LibvirtDaemonChoice::virtqemud);
  CHECK_FALSE(read.config.autostart);
  CHECK(read.config.parallel == 1);
  CHECK(read.config.stop_parallel == 64);
  CHECK_FALSE(read.config.notifications);
  CHECK(read.config.history_size == 10000);
  CHECK(read.config.log_level == LogLevel::debug);
  CHECK(read.config.defaults == json{{"restart", "on-failure"}});
}

TEST_CASE("config: a text that is no JSON is told with its place") {
  CHECK(wrong("{\n  \"parallel\": 2,\n  \"autostart\" true\n}").starts_with("line 3, column 18: "));
  CHECK(wrong("").starts_with("line 1, column 1: "));
  CHECK(wrong("{\n\"parallel\": 2,\n\"parallel\": 3\n}").find("\"parallel\" is there twice") != std::string::npos);
  CHECK(wrong("[]") == "must be an object, not a list");
}

TEST_CASE("config: bad values are told with pointer, range and default") {
  CHECK(wrong(R"({"parallel": 0})") == "/parallel: parallel must be from 1 to 4 (the default is 4)");
  CHECK(wrong(R"({"parallel": 5})") != "");
  CHECK(wrong(R"({"parallel": 4})") == "");
  CHECK(wrong(R"({"parallel": 2.0})") == "/parallel: parallel must be an integer, not a number (the default is 4)");
  CHECK(wrong(R"({"parallel": 18446744073709551615})") != "");
  CHECK(wrong(R"({"stop_parallel": 0})") == "/stop_parallel: stop_parallel must be from 1 to 64 (the default is 8)");
  CHECK(wrong(R"({"stop_parallel": 65})") != "");
  CHECK(wrong(R"({"history_size": 0})") != "");
  CHECK(wrong(R"({"history_size": 10001})") != "");
  CHECK(wrong(R"({"autostart": 1})") ==
        "/autostart: autostart must be true or false, not an integer (the default is true)");
  CHECK(wrong(R"({"notifications": "no"})") != "");
  CHECK(wrong(R"({"libvirt_daemon": "xend"})").find(R"(must be one of ["auto","libvirtd","virtqemud"])") !=
        std::string::npos);
  CHECK(wrong(R"({"log_level": "loud"})") != "");
  CHECK(wrong(R"({"log_level": null})") != "");
  CHECK(wrong(R"({"defaults": []})") == "/defaults: must be an object of policy keys, not a list");
}

TEST_CASE("config: all problems are told at once") {
  const auto read = read_config(R"({"parallel": 9, "autostart": "yes", "defaults": {"start_order": "first"}})");
  REQUIRE(read.problems.size() == 3);
  CHECK(read.problems[1].pointer == "/defaults/start_order");
}

TEST_CASE("config: unknown keys suggest what was meant") {
  CHECK(wrong(R"({"paralel": 2})") == "/paralel: unknown key paralel (did you mean parallel?)");
  CHECK(wrong(R"({"colour": 2})") == "/colour: unknown key colour");
  CHECK(wrong(R"({"a/b": 2})").starts_with("/a~1b: "));
  for (const auto key : policy_key_names()) {
    CAPTURE(key);
    CHECK(wrong(json{{std::string(key), 1}}.dump()).find("policy keys go into \"defaults\"") != std::string::npos);
  }
}
