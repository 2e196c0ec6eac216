// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_actions.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

TEST_CASE("stop actions: which can be tried, and why not the others?") {
  struct Row {
    std::string what;
    nlohmann::json actions;
    void (*change)(DomainSnapshot&);
    std::string possible;
    std::string left_out;
  };
  const nlohmann::json kAll{"shutdown", "save", "poweroff"};
  const std::vector<Row> rows = {
      {"all", kAll, [](auto&) {}, "shutdown, save, poweroff", ""},
      {"it cannot be saved", kAll, [](auto& domain) { domain.save_blocker = "it has a PCI device of the host"; },
       "shutdown, poweroff", "; not save: it has a PCI device of the host"},
      {"on_poweroff is restart", kAll, [](auto& domain) { domain.restarts_on_poweroff = true; }, "save, poweroff",
       "; not shutdown: it would start again (on_poweroff is restart)"},
      {"the guest sleeps: it is woken", kAll, [](auto& domain) { domain.state = DomainState::pm_suspended; },
       "shutdown, save, poweroff", ""},
      {"the guest crashed and is kept", kAll, [](auto& domain) { domain.state = DomainState::crashed; },
       "save, poweroff", "; not shutdown: the guest does not run (crashed)"},
      {"what would have been saved",
       {"save", "poweroff"},
       [](auto& domain) { domain.save_blocker = "no"; },
       "shutdown, poweroff",
       "; not save: no"},
      {"it is transient",
       {"save"},
       [](auto& domain) { domain.persistent = false; },
       "shutdown, poweroff",
       "; not save: it is transient, and gone when it is off"},
      {"an appliance", kAll, [](auto& domain) { domain.appliance = true; }, "poweroff", ""},
      {"what comes after leave", {"shutdown", "leave", "poweroff"}, [](auto&) {}, "shutdown, leave", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CoreFixture core;
    auto& vm = core.running("web", {{"stop_actions", row.actions}});
    core.tell(vm, row.change);
    std::string left_out;
    std::vector<std::string> possible;
    for (const auto action : possible_actions(vm, &left_out)) possible.emplace_back(to_text(action));
    CHECK(list_text(possible) == row.possible);
    CHECK(left_out == row.left_out);
  }
}

TEST_CASE("stop actions: which VMs are stopped when all are?") {
  CoreFixture core;
  CHECK(is_to_be_stopped(core.running("runs"), false));
  CHECK_FALSE(is_to_be_stopped(core.off("off"), true));
  auto& starts = core.off("starts");
  core.calls.send({.uuid = starts.uuid(), .call = call::Start{}}, asked_by("me"));
  CHECK(is_to_be_stopped(starts, false));
  auto& transient = core.running("transient");
  core.tell(transient, [](auto& domain) { domain.persistent = false; });
  CHECK_FALSE(is_to_be_stopped(transient, false));
  CHECK(is_to_be_stopped(transient, true));
}
