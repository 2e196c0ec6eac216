// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace virtsession;

namespace {

void rename_to(CoreFixture& core, Vm& vm, const std::string& name) {
  core.tell(vm, [&](auto& domain) { domain.name = name; });
}

}  // namespace

TEST_CASE("vms: a VM is found by its name and by its uuid, in whatever case that is") {
  CoreFixture core;
  const auto* web = &core.off("web");
  CHECK(core.vms.find_by_name_or_uuid("web") == web);
  CHECK(core.vms.find_by_name_or_uuid("uuid-web") == web);
  CHECK(core.vms.find_by_name_or_uuid("UUID-WEB") == web);
  CHECK_FALSE(core.vms.find_by_name_or_uuid("WEB"));
  CHECK_FALSE(core.vms.find_by_name("uuid-web"));
}

TEST_CASE("vms: a VM that is renamed keeps its uuid and loses its old name") {
  CoreFixture core;
  auto& web = core.off("web");
  rename_to(core, web, "www");
  CHECK(core.vms.find_by_name("www") == &web);
  CHECK_FALSE(core.vms.find_by_name("web"));
  CHECK(core.vms.find("uuid-web") == &web);
}

TEST_CASE("vms: two VMs exchange their names, one after the other") {
  CoreFixture core;
  auto &a = core.off("a"), &b = core.off("b");
  rename_to(core, a, "b");
  rename_to(core, b, "a");
  CHECK(core.vms.find_by_name("b") == &a);
  CHECK(core.vms.find_by_name("a") == &b);
}

TEST_CASE("vms: one that is gone is not found, and is shown to be gone") {
  CoreFixture core;
  core.off("web");
  core.off("db");
  static_cast<void>(core.vms.take_changed());
  core.vms.remove("uuid-web");
  CHECK_FALSE(core.vms.find_by_name_or_uuid("web"));
  CHECK(core.vms.uuids() == std::vector<std::string>{"uuid-db"});
  CHECK(core.vms.take_changed() == std::set<std::string>{"uuid-web"});
  CHECK(core.vms.take_changed().empty());
}

TEST_CASE("vms: attended is what does something, or may by itself; used is what there is something to keep of") {
  CoreFixture core;
  core.vms.set_first_listed(core.now.wall_usec);
  const auto names_of = [](const auto& vms) {
    std::string names;
    for (const Vm& vm : vms) names += (names.empty() ? "" : ", ") + vm.name();
    return names;
  };
  const auto attended = [&] { return names_of(core.vms.attended()); };
  const auto used = [&] { return names_of(std::as_const(core.vms).used()); };
  core.off("unused");
  auto& vm = core.off("used");
  core.running("runs");
  core.off("after login", {{"start", "was-running"}});
  core.off("forwards", {{"ports", {"2222:22"}}});
  auto marked = CoreFixture::snapshot("marked");
  marked.autostart = true;
  core.found(marked);
  CHECK(attended() == "after login, forwards, marked, runs");
  CHECK(used() == attended());
  vm.set_error("there is no disk");
  CHECK(attended() == "after login, forwards, marked, runs, used");
  vm.set_error({});
  CHECK(attended() == "after login, forwards, marked, runs");
  vm.want(Intent::up);
  CHECK(attended() == "after login, forwards, marked, runs, used");
  vm.want(Intent::down);  // a person stopped it
  CHECK(attended() == "after login, forwards, marked, runs");
  CHECK(used() == "after login, forwards, marked, runs, used");
  core.vms.remove("uuid-marked");
  CHECK(attended() == "after login, forwards, runs");
  core.pass(std::chrono::seconds(1));
  core.off("later");
  CHECK(attended() == "after login, forwards, runs");
  CHECK(used() == "after login, forwards, later, runs, used");
}
