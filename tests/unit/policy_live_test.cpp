// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

namespace {

World::Change set(const json& keys) {
  return [keys](VmRequest& request) { request.policy = keys; };
}

World::Change clear(const Strings& keys) {
  return [keys](VmRequest& request) { request.keys = keys; };
}

World with_policy(const json& policy) {
  World world;
  world.define("a", {.policy = policy});
  world.connect();
  return world;
}

json carried(World& world) {
  const auto& text = world.domain("a").snapshot.policy_text;
  return text ? json::parse(*text) : json();
}

}  // namespace

TEST_CASE("policy: metadata over the config's defaults over what is built in") {
  Config config;
  config.defaults = {{"start_order", 5}, {"restart", "always"}};
  World world(config);
  world.define("a", {.policy = {{"start_order", 7}}});
  world.define("b");
  world.connect();
  CHECK(world.view("a").policy["start_order"] == 7);
  CHECK(world.view("a").policy["restart"] == "always");
  CHECK(world.view("a").policy_overrides == json{{"start_order", 7}});
  CHECK(world.view("b").policy["start_order"] == 5);
  CHECK(world.view("b").policy_overrides == json::object());
  CHECK(world.view("b").policy["start_retries"] == 3);
}

TEST_CASE("policies: VMs with the same keys share one policy, until one of them changes") {
  World world;
  world.define("a");
  world.define("b");
  world.define("c", {.policy = {{"start_order", 7}}});
  world.define("d", {.policy = {{"start_order", 7}}});
  world.connect();
  const auto policy = [&](const char* name) { return &*world.view(name).policy; };
  CHECK(policy("a") == policy("b"));
  CHECK(policy("c") == policy("d"));
  CHECK(policy("a") != policy("c"));
  world.set_policy("d", {{"start_order", 8}});
  CHECK(world.view("c").policy["start_order"] == 7);
  CHECK(world.view("d").policy["start_order"] == 8);
  world.configure({.defaults = {{"restart", "always"}}});
  CHECK(policy("a") == policy("b"));
  CHECK(world.view("a").policy["restart"] == "always");
  CHECK(world.view("c").policy["restart"] == "always");
}

TEST_CASE("policy: a reload of the config counts at once") {
  World world;
  world.define("a", {.autostart = true});
  world.define("waiting", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.connect();
  world.deliver();
  Config config;
  config.defaults = {{"restart", "on-failure"}};
  config.history_size = 1;
  world.configure(config);
  CHECK(world.view("a").policy["restart"] == "on-failure");
  CHECK(world.history("a").size() == 1);
  world.kill_qemu("a");
  CHECK(world.phase("a") == "backoff");
  config.defaults = {{"start", "never"}};
  world.configure(config);
  CHECK_MESSAGE(world.phase("waiting") == "inactive", "what was to start is not to be started any more");
  config.parallel = 1;
  world.configure(config);
  CHECK(world.supervisor().counts().at("total") == 2);
}

TEST_CASE("policy: what another tool writes is live at once, and bad values change nothing but that key") {
  auto world = with_policy({{"start_order", 3}});
  world.set_policy_text("a", R"({"start_order": 4, "restart": "maybe", "start_oder": 1})");
  const auto view = world.view("a");
  CHECK(view.policy["start_order"] == 4);
  CHECK(view.policy["restart"] == "no");
  REQUIRE(view.policy_problems.size() == 2);
  CHECK(view.policy_problems[0].pointer == "/restart");
  CHECK(view.policy_problems[1].suggestion == "did you mean start_order?");
  CHECK(world.has_notice("a", Incident::bad_policy));
  CHECK(world.journal("a", Incident::bad_policy).size() == 1);
  world.refresh("a");
  CHECK_MESSAGE(world.journal("a", Incident::bad_policy).size() == 1, "the same problem is told once");
  world.set_policy_text("a", std::nullopt);
  CHECK(world.view("a").policy_problems.empty());
  CHECK(world.view("a").policy["start_order"] == 0);
  CHECK_FALSE(world.has_notice("a", Incident::bad_policy));
}

TEST_CASE("policy: metadata that cannot be read at all leaves the defaults and says why") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").snapshot.policy_error = "the element holds more than text";
  world.connect();
  CHECK(world.view("a").policy_problems == std::vector<Problem>{{"", "the element holds more than text", ""}});
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.answer(world.request(RequestKind::set_policy, "a", set({{"start_order", 1}}))) == "InvalidPolicy");
  CHECK(world.pending().empty());
}

TEST_CASE("policy: SetPolicy merges, and keeps keys that are not known here") {
  auto world = with_policy({{"start_order", 3}, {"from_the_future", {1, 2}}, {"restart", "maybe"}});
  const auto id = world.request(RequestKind::set_policy, "a", set({{"start_retries", 9}, {"start_order", 4}}));
  CHECK(world.answer(id) == "");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(carried(world) ==
        json{{"start_order", 4}, {"start_retries", 9}, {"from_the_future", {1, 2}}, {"restart", "maybe"}});
  CHECK(world.view("a").policy["start_order"] == 4);
}

TEST_CASE("policy: SetPolicy takes all keys or none, and names the wrong one") {
  auto world = with_policy({{"start_order", 3}});
  const auto id = world.request(RequestKind::set_policy, "a", set({{"start_retries", 9}, {"start_oder", 4}}));
  CHECK(world.answer(id) == "InvalidPolicy");
  CHECK(world.answer_text(id) == "/start_oder: unknown key start_oder (did you mean start_order?)");
  CHECK(world.answer(world.request(RequestKind::set_policy, "a", set({{"start_retries", -1}}))) == "InvalidPolicy");
  CHECK(world.pending().empty());
  CHECK(carried(world) == json{{"start_order", 3}});
}

TEST_CASE("policy: ClearPolicy takes keys away, also misspelt ones, and all of them") {
  auto world = with_policy({{"start_order", 3}, {"start_oder", 1}, {"restart", "always"}});
  world.request(RequestKind::clear_policy, "a", clear({"start_oder", "restart"}));
  world.deliver();
  CHECK(carried(world) == json{{"start_order", 3}});
  CHECK(world.view("a").policy_problems.empty());
  CHECK_MESSAGE(world.answer(world.request(RequestKind::clear_policy, "a", clear({"nosuch"}))) == "InvalidPolicy",
                "a key that does not exist");
  const auto absent = world.request(RequestKind::clear_policy, "a", clear({"restart"}));
  world.deliver();
  CHECK_MESSAGE(world.answer(absent) == "ok", "a key that is at its default already");
  world.request(RequestKind::clear_policy, "a", clear({"start_order"}));
  world.deliver();
  CHECK_MESSAGE(!world.domain("a").snapshot.policy_text, "an empty policy leaves no element");
}

TEST_CASE("policy: what cannot be read is not overwritten by a change, only cleared as a whole") {
  for (const std::string text : {"start_order=1", "[1]", "", "{\"start_order\": 1"}) {
    CAPTURE(text);
    auto world = with_policy({});
    world.set_policy_text("a", text);
    const auto refused = world.request(RequestKind::set_policy, "a", set({{"start_order", 1}}));
    CHECK(world.answer(refused) == "InvalidPolicy");
    CHECK(world.answer_text(refused).find("ClearPolicy") != std::string::npos);
    CHECK(world.answer(world.request(RequestKind::clear_policy, "a", clear({"restart"}))) == "InvalidPolicy");
    CHECK(world.domain("a").snapshot.policy_text == text);
    const auto cleared = world.request(RequestKind::clear_policy, "a");
    world.deliver();
    CHECK(world.answer(cleared) == "ok");
    CHECK_FALSE(world.domain("a").snapshot.policy_text);
    world.request(RequestKind::set_policy, "a", set({{"start_order", 1}}));
    world.deliver();
    CHECK(carried(world) == json{{"start_order", 1}});
  }
}

TEST_CASE("policy: changes that follow each other faster than libvirt answers all count") {
  auto world = with_policy({});
  world.request(RequestKind::set_policy, "a", set({{"start_order", 1}}));
  world.request(RequestKind::set_policy, "a", set({{"start_retries", 2}}));
  world.deliver("a");
  world.request(RequestKind::set_policy, "a", set({{"restart", "always"}}));
  world.configure({});
  world.request(RequestKind::set_policy, "a", set({{"restart_limit", 4}}));
  world.deliver();
  CHECK(carried(world) == json{{"start_order", 1}, {"start_retries", 2}, {"restart", "always"}, {"restart_limit", 4}});
}

TEST_CASE("policy: a change that failed is not part of the next one") {
  auto world = with_policy({{"start_order", 1}});
  world.domain("a").any_failure = "read-only";
  const auto id = world.request(RequestKind::set_policy, "a", set({{"start_retries", 2}}));
  SUBCASE("refused by libvirt") {
    world.deliver();
    CHECK(world.answer(id) == "OperationFailed");
  }
  SUBCASE("lost with libvirt") {
    world.lose_libvirt();
    CHECK(world.answer(id) == "LibvirtUnavailable");
    world.connect();
  }
  world.domain("a").any_failure.clear();
  world.request(RequestKind::set_policy, "a", set({{"restart", "always"}}));
  world.deliver();
  CHECK(carried(world) == json{{"start_order", 1}, {"restart", "always"}});
}

TEST_CASE("policy: SetPolicy without keys changes nothing and succeeds") {
  auto world = with_policy({{"start_order", 1}});
  const auto id = world.request(RequestKind::set_policy, "a");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(carried(world) == json{{"start_order", 1}});
}

TEST_CASE("policy: it stays with the VM through a rename") {
  auto world = with_policy({{"start_order", 8}});
  world.rename("a", "b");
  CHECK(world.view("b").policy["start_order"] == 8);
}

TEST_CASE("history: changes come with reason and cause, and are not repeated") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"restart", "on-failure"}}});
  world.connect();
  world.deliver();
  world.kill_qemu("a");
  world.pass(5);
  world.request(RequestKind::power_off, "a");
  world.deliver();
  Strings lines;
  for (const auto& entry : world.history("a")) lines.push_back(std::string(to_text(entry.phase)) + " | " + entry.cause);
  CHECK(lines == Strings{"inactive | as it was found", "queued | login", "starting | login", "running | login",
                         "backoff | crash", "starting | restart policy", "running | restart policy",
                         "stopping | tester", "inactive | tester"});
  world.refresh("a");
  world.refresh("a");
  CHECK(world.history("a").size() == lines.size());
}
