// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

OperationId ask(CoreFixture& core, const std::string& name, Call call) {
  return core.calls.send({.uuid = "uuid-" + name, .call = std::move(call)}, asked_by("me"));
}

}  // namespace

TEST_CASE("calls: which make a VM busy?") {
  struct Row {
    Call call;
    bool changes_run;  ///< another that changes whether it runs has to wait
    bool alone;        ///< and libvirt does nothing else with the VM meanwhile
  };
  const std::vector<Row> rows = {
      {call::Start{}, true, true},
      {call::Shutdown{ShutdownWay::acpi}, true, true},
      {call::Shutdown{ShutdownWay::agent}, true, false},  // a guest takes its time to answer
      {call::Shutdown{ShutdownWay::automatic}, true, false},
      {call::Save{}, true, true},
      {call::PowerOff{}, true, true},
      {call::Reboot{}, true, true},
      {call::Pause{}, true, true},
      {call::Resume{}, true, true},
      {call::SetAutostart{}, false, false},
      {call::SetAutostartOnce{}, false, false},
      {call::SetPolicy{}, false, false},
      {call::AbortJob{}, false, false},
      {call::ReadProgress{}, false, false},
      {call::SetTime{}, false, false},
  };
  for (const auto& row : rows) {
    CoreFixture core;
    ask(core, "web", row.call);
    CAPTURE(core.done());
    CHECK((core.calls.lifecycle("uuid-web") != nullptr) == row.changes_run);
    CHECK((core.calls.exclusive("uuid-web") != nullptr) == row.alone);
    CHECK_FALSE(core.calls.lifecycle("uuid-db"));
  }
}

TEST_CASE("calls: what is sent is done, and is in flight until it is answered, once") {
  CoreFixture core;
  const auto id = ask(core, "web", call::Save{});
  CHECK(core.done() == "save web");
  CHECK(core.calls.has("uuid-web", OperationKind::save));
  const auto call = core.calls.take(id);
  REQUIRE(call);
  CHECK(call->cause == asked_by("me"));
  CHECK_FALSE(core.calls.has("uuid-web", OperationKind::save));
  CHECK_FALSE(core.calls.take(id));
}

TEST_CASE("calls: an answer that comes after the connection was lost is nobody's") {
  CoreFixture core;
  const auto start = ask(core, "web", call::Start{});
  const auto policy = ask(core, "web", call::SetPolicy{});
  const auto other = ask(core, "db", call::Start{});
  CHECK(core.calls.drop("uuid-web").size() == 2);
  CHECK_FALSE(core.calls.take(start));
  CHECK_FALSE(core.calls.take(policy));
  CHECK(core.calls.take(other));
}

TEST_CASE("calls: how many VMs are starting?") {
  CoreFixture core;
  const auto web = ask(core, "web", call::Start{});
  ask(core, "db", call::Start{});
  ask(core, "app", call::Resume{});
  CHECK(core.calls.starts() == 2);
  static_cast<void>(core.calls.take(web));
  CHECK(core.calls.starts() == 1);
  static_cast<void>(core.calls.drop("uuid-db"));
  CHECK(core.calls.starts() == 0);
}

TEST_CASE("calls: the next change of a policy builds on the newest that libvirt was told") {
  CoreFixture core;
  CHECK_FALSE(core.calls.policy_change("uuid-web"));
  ask(core, "web", call::SetPolicy{"first"});
  ask(core, "web", call::SetPolicy{"second"});
  ask(core, "web", call::SetAutostart{});
  REQUIRE(core.calls.policy_change("uuid-web"));
  CHECK(core.calls.policy_change("uuid-web")->text == "second");
}

TEST_CASE("calls: a save is watched until it ends") {
  CoreFixture core;
  const auto save = ask(core, "web", call::Save{});
  CHECK_FALSE(core.calls.watched_save("uuid-web"));
  core.calls.watch_save(save, core.now.steady);
  REQUIRE(core.calls.watched_save("uuid-web"));
  CHECK(core.calls.watched_save("uuid-web")->look_again == core.now.steady);
  static_cast<void>(core.calls.take(save));
  CHECK_FALSE(core.calls.watched_save("uuid-web"));
}
