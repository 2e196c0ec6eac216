// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault/scene.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace virtsession::test {

Scene::Scene() { log_in(); }

void Scene::log_in() {
  desktop.login();
  desktop.disconnect();
}

const Guest& Scene::add(DomainXml domain, bool shuts_down) {
  guests.push_back(std::make_unique<Guest>(desktop.host(), kUser, std::move(domain)));
  guests.back()->set_autostart(true);
  recorder.watch(*guests.back(), shuts_down);
  return *guests.back();
}

void Scene::add_few() {
  add({.name = "bare", .system = System::none, .policy = R"({"stop_actions": ["poweroff"]})"}, false);
  add({.name = "kept", .system = System::none, .policy = R"({"stop_actions": ["save"]})"}, true);
  add({.name = "guest"}, true);
}

void Scene::start_all() {
  recorder.note("starts");
  recorder.allow_ends(false);
  const auto all_marked = [this] {
    const auto said = bus.ask();
    return said && std::ranges::all_of(guests, [&](const auto& guest) {
             const auto vm = said->vms.find(guest->name());
             return vm != said->vms.end() && vm->second.autostart;
           });
  };
  wait_until(all_marked, kLong, "virtsessiond knows that all are marked");
  bus.send_to_manager("Autostart");
  recorder.expect(Wanted::up, kLong);
}

void Scene::finish() {
  recorder.allow_ends(true);
  recorder.note("StopAll");
  bus.send_to_manager("StopAll");
  recorder.expect(Wanted::down, kLong);
  for (const auto& problem : recorder.problems()) FAIL_CHECK(problem);
}

}  // namespace virtsession::test
