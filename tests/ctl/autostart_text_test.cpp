// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

// "Everything that should run does": what status says of the start of the marked VMs, and when it does not say that.

using namespace virtsession;
using namespace virtsession::test;

namespace {

std::string autostart_line(const Session& session) {
  const auto text = session.out({"status"});
  const auto at = text.find("  autostart  ");
  REQUIRE(at != std::string::npos);
  return text.substr(at + 13, text.find('\n', at) - at - 13);
}

bool plan_starts_something(const Session& session) {
  const auto steps = session.json({"plan"});
  return std::ranges::any_of(steps, [](const auto& step) { return step["decision"] == "start"; });
}

}  // namespace

TEST_CASE("status says that everything runs only when the plan would start nothing") {
  const Usual session;
  CHECK(autostart_line(session) == "done: everything that should run does");
  CHECK_FALSE(plan_starts_something(session));
  session.out({"enable", "db"});
  CHECK(plan_starts_something(session));
  CHECK(autostart_line(session) == "done: \"db\" is marked and off");
  session.out({"start", "db"});
  CHECK_FALSE(plan_starts_something(session));
  CHECK(autostart_line(session) == "done: everything that should run does");
}

TEST_CASE("status does not say that everything runs of a VM that is off with an error, nor without libvirt") {
  Faked session;
  ManagerView manager;
  manager.libvirt_state = LibvirtState::ready;
  manager.autostart_state = AutostartState::incomplete;
  manager.autostart_reason = "\"web\" should run and does not";
  session.service.on_loop([&] { session.service.tree->update(manager); });
  CHECK(autostart_line(session) == "incomplete: \"web\" should run and does not");

  manager.libvirt_state = LibvirtState::down;
  manager.libvirt_reason = "the libvirt daemon ended";
  manager.autostart_state = AutostartState::unknown;
  manager.autostart_reason = "there is no connection to libvirt: what runs is not known";
  session.service.on_loop([&] { session.service.tree->update(manager); });
  CHECK(autostart_line(session) == "unknown: there is no connection to libvirt: what runs is not known");
}
