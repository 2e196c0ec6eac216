// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/vm_scopes.hpp"

#include "adapter/processes/fake_process.hpp"
#include "adapter/processes/libvirt_folders.hpp"
#include "fakes/fake_systemd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::FakeProcess;
using test::FakeQemu;
using test::loop_until;
using test::loop_until_idle;

constexpr auto kVmUuid = "30b28fa7-a062-4e2a-97d3-fba270664079";
constexpr auto kScope = "virtsession-web-30b28fa7.scope";
using Pids = std::vector<std::uint32_t>;

/// A user manager, libvirt's folders, and the scopes of VMs.
struct ScopesFixture {
  explicit ScopesFixture(bool is_connected = true) {
    systemd.manager.result_before_reply = "done";
    if (is_connected) connect();
  }

  void connect() {
    bool is_connected = false;
    users.connect([&](const Result<void>& result) { is_connected = static_cast<bool>(result); });
    loop_until(loop, "the user manager", [&] { return is_connected; });
  }
  void want(const ScopeLimits& limits = {}, int domain_id = 1, const std::string& name = "web") {
    scopes->want({{kVmUuid, {name, domain_id, limits}}});
  }
  void wait_for_report(const std::string& report) {
    loop_until(loop, report, [&] { return std::ranges::find(reports, report) != reports.end(); });
  }
  /// What was on its way to the manager has been answered.
  void settle() {
    bool done = false;
    users.system_state([&](const Result<std::string>&) { done = true; });
    loop_until(loop, "the manager's state", [&] { return done; });
    loop_until_idle(loop);
  }
  std::size_t calls(const std::string& begin) const {
    const auto& all = systemd.manager.calls;
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const std::string& call) { return call.starts_with(begin); }));
  }
  template <class T>
  T property(const std::string& name) const {
    return systemd.manager.scopes.at(kScope).at(name).get<T>();
  }
  Pids pids() const { return property<Pids>("PIDs"); }

  EventLoop loop;
  test::PrivateBus bus;
  test::RunningSystemd systemd{loop, bus};
  std::unique_ptr<sdbus::IConnection> connection = bus.connect();
  BusSource source{loop, *connection, {}};
  UserManager users{loop, *connection};
  test::LibvirtFolders folders;
  std::map<pid_t, std::string> units;  ///< of processes, as control groups would tell
  int searches = 0;
  std::vector<std::string> reports;
  std::uint64_t started_usec = 0;
  std::optional<VmScopes> scopes{std::in_place, loop, users,
                                 [this](const VmScopes::Report& report) {
                                   CHECK(report.uuid == kVmUuid);
                                   reports.push_back(report.unit + ": " + report.error);
                                   started_usec = report.started_usec;
                                 },
                                 ScopeSources{[this](const auto& name, const auto& uuid, int domain_id) {
                                                ++searches;
                                                return find_vm_processes(name, uuid, domain_id);
                                              },
                                              [this](pid_t pid) { return units[pid]; }, 1ms}};
};

Pids unsigned_pids(std::vector<pid_t> pids) { return {pids.begin(), pids.end()}; }

TEST_CASE("A VM that runs gets a scope with its processes and limits") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  FakeProcess swtpm({"swtpm", "socket"});
  fixture.folders.write_pid("swtpm/1-web-swtpm.pid", swtpm.pid());
  fixture.want({.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}});
  CHECK(fixture.reports.empty());
  fixture.wait_for_report(std::string(kScope) + ": ");
  // From two clocks, which are read one after the other: no two answers are the same to the microsecond.
  const auto started = started_usec(qemu.pid());
  CHECK(std::max(fixture.started_usec, started) - std::min(fixture.started_usec, started) < 1'000'000);
  CHECK(fixture.pids() == unsigned_pids({qemu.pid(), swtpm.pid()}));
  CHECK(fixture.property<std::string>("Description") == "VM web");
  CHECK(fixture.property<std::uint64_t>("CPUWeight") == 50);
  fixture.settle();
  CHECK(fixture.calls("SetUnitProperties") == 0);
  CHECK(fixture.calls("AttachProcessesToUnit") == 0);
}

TEST_CASE("Nothing is looked at and nothing is asked while nothing has changed") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  fixture.want();
  fixture.want();
  fixture.wait_for_report(std::string(kScope) + ": ");
  fixture.settle();
  const auto searches = fixture.searches;
  const auto calls = fixture.systemd.manager.calls.size();
  fixture.want();
  fixture.want({}, 1, "renamed");
  fixture.settle();
  CHECK(fixture.searches == searches);
  CHECK(fixture.systemd.manager.calls.size() == calls);
  CHECK(fixture.reports.size() == 1);
}

TEST_CASE("Limits that change are applied at once, also while the scope is being made") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  fixture.want();
  fixture.want({.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}});
  loop_until(fixture.loop, "the first change", [&] { return fixture.calls("SetUnitProperties") == 1; });
  CHECK(fixture.property<std::uint64_t>("CPUWeight") == 50);
  fixture.want({.cpu_weight = 200, .io_weight = {}, .memory_high_bytes = 1024});
  loop_until(fixture.loop, "the second change", [&] { return fixture.calls("SetUnitProperties") == 2; });
  CHECK(fixture.property<std::uint64_t>("CPUWeight") == 200);
  CHECK(fixture.property<std::uint64_t>("MemoryHigh") == 1024);
  CHECK(fixture.calls("StartTransientUnit") == 1);
}

TEST_CASE("A run that is in a scope already stays in it, with the limits of now") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  const std::string old_scope = "virtsession-old\\x2dname-30b28fa7.scope";
  fixture.systemd.manager.scopes[old_scope] = {{"DelegateControllers", {}}, {"PIDs", sdbus::Variant(Pids{})}};
  fixture.units[qemu.pid()] = old_scope;
  FakeProcess late({"swtpm", "socket"});
  FakeProcess inside({"passt"});
  fixture.folders.write_pid("swtpm/1-web-swtpm.pid", late.pid());
  fixture.folders.write_pid("passt/1-web-net0-passt.pid", inside.pid());
  fixture.units[inside.pid()] = old_scope;
  fixture.want({.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}});
  fixture.wait_for_report(old_scope + ": ");
  loop_until(fixture.loop, "the limits", [&] { return fixture.calls("SetUnitProperties") == 1; });
  auto& scope = fixture.systemd.manager.scopes.at(old_scope);
  CHECK(scope.at("CPUWeight").get<std::uint64_t>() == 50);
  CHECK(scope.at("PIDs").get<Pids>() == unsigned_pids({late.pid()}));
  CHECK(fixture.calls("StartTransientUnit") == 0);
}

TEST_CASE("What is stopped after a VM is in its scope's order; when that changes, the VM moves to a new scope") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  const std::set<std::string> units{"nbd.service", "sshfs@work.service"};
  const auto ordered = scope_name("web", kVmUuid, units);
  CHECK(ordered.starts_with("virtsession-web-30b28fa7-"));
  CHECK(ordered != scope_name("web", kVmUuid, {"nbd.service"}));
  const auto after = [&](const std::string& scope) {
    return fixture.systemd.manager.scopes.at(scope).at("After").get<std::vector<std::string>>();
  };
  fixture.want();
  fixture.wait_for_report(std::string(kScope) + ": ");
  CHECK(std::ranges::count(after(kScope), "nbd.service") == 0);
  fixture.units[qemu.pid()] = kScope;
  fixture.scopes->want({{kVmUuid, {"web", 1, {}, units}}});
  fixture.wait_for_report(ordered + ": ");
  for (const auto& unit : units) CHECK(std::ranges::count(after(ordered), unit) == 1);
  CHECK(fixture.systemd.manager.scopes.at(ordered).at("PIDs").get<Pids>() == unsigned_pids({qemu.pid()}));

  // The next instance finds it in order.
  fixture.units[qemu.pid()] = ordered;
  fixture.settle();
  const auto starts = fixture.calls("StartTransientUnit");
  fixture.scopes->want({});
  fixture.reports.clear();
  fixture.scopes->want({{kVmUuid, {"renamed", 1, {}, units}}});
  fixture.wait_for_report(ordered + ": ");
  CHECK(fixture.calls("StartTransientUnit") == starts);
}

TEST_CASE("A VM of a stray daemon is moved out of the login session") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  fixture.units[qemu.pid()] = "session-3.scope";
  fixture.want();
  fixture.wait_for_report(std::string(kScope) + ": ");
  CHECK(fixture.pids() == unsigned_pids({qemu.pid()}));
}

TEST_CASE("A helper that comes while the scope is being made is moved, too") {
  ScopesFixture fixture;
  fixture.systemd.manager.result_before_reply.reset();
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  fixture.want();
  loop_until(fixture.loop, "the scope's job", [&] { return !fixture.systemd.manager.jobs.empty(); });
  FakeProcess passt({"passt"});
  fixture.folders.write_pid("passt/1-web-net0-passt.pid", passt.pid());
  fixture.systemd.manager.finish_jobs(kScope, "done");
  loop_until(fixture.loop, "the helper", [&] { return fixture.pids() == unsigned_pids({qemu.pid(), passt.pid()}); });
}

TEST_CASE("The next run gets a new scope, or joins the last one while that is there") {
  ScopesFixture fixture;
  auto first = std::make_unique<FakeQemu>(fixture.folders, "web", kVmUuid);
  fixture.want();
  fixture.wait_for_report(std::string(kScope) + ": ");
  const auto first_pid = first->pid();
  first.reset();
  fixture.reports.clear();
  FakeQemu second(fixture.folders, "web", kVmUuid);
  SUBCASE("new") {
    fixture.systemd.manager.scopes.clear();
    fixture.want({}, 2);
    fixture.wait_for_report(std::string(kScope) + ": ");
    CHECK(fixture.pids() == unsigned_pids({second.pid()}));
  }
  SUBCASE("joined") {
    fixture.want({.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}}, 2);
    loop_until(fixture.loop, "the limits", [&] { return fixture.calls("SetUnitProperties") == 1; });
    CHECK(fixture.reports == std::vector{std::string(kScope) + ": "});
    CHECK(fixture.pids() == unsigned_pids({first_pid, second.pid()}));
    CHECK(fixture.property<std::uint64_t>("CPUWeight") == 50);
  }
}

TEST_CASE("A failure is told and tried again, whether of the scope or of its limits") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  auto& systemd = fixture.systemd.manager;
  SUBCASE("the scope") {
    systemd.scope_error = "No.";
    fixture.want();
    fixture.wait_for_report(": Failed to start " + std::string(kScope) + ": No.");
    systemd.scope_error.reset();
    fixture.wait_for_report(std::string(kScope) + ": ");
    CHECK(fixture.pids() == unsigned_pids({qemu.pid()}));
  }
  SUBCASE("its limits") {
    fixture.want();
    fixture.wait_for_report(std::string(kScope) + ": ");
    systemd.scope_error = "No.";
    fixture.want({.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}});
    fixture.wait_for_report(std::string(kScope) + ": Failed to set the limits of " + kScope + ": No.");
    systemd.scope_error.reset();
    loop_until(fixture.loop, "the limits", [&] { return fixture.property<std::uint64_t>("CPUWeight") == 50; });
  }
}

TEST_CASE("A manager that stops or is away, and a QEMU that has ended, are no failures") {
  ScopesFixture fixture(false);
  auto qemu = std::make_unique<FakeQemu>(fixture.folders, "web", kVmUuid);
  SUBCASE("away") {
    fixture.want();
    loop_until(fixture.loop, "a second try", [&] { return fixture.searches > 4; });
    CHECK(fixture.reports.empty());
    fixture.connect();
    fixture.wait_for_report(std::string(kScope) + ": ");
    CHECK(fixture.reports.size() == 1);
  }
  SUBCASE("stopping") {
    fixture.connect();
    fixture.systemd.manager.scope_error = "Transaction is destructive.";
    fixture.systemd.manager.state = "stopping";
    fixture.want();
    loop_until(fixture.loop, "the refusal", [&] { return fixture.calls("AttachProcessesToUnit") == 1; });
    fixture.settle();
    fixture.settle();  // the refusal has led to a question of its own
    const auto searches = fixture.searches;
    CHECK(sd_event_run(fixture.loop.get(), 100'000) == 0);  // many times the first wait
    CHECK(fixture.searches == searches);
    CHECK(fixture.reports.empty());
  }
  SUBCASE("ended") {
    fixture.connect();
    fixture.systemd.manager.scope_error = "Process with ID 42 does not exist.";
    fixture.want();
    qemu.reset();
    loop_until(fixture.loop, "the refusal", [&] { return fixture.calls("AttachProcessesToUnit") == 1; });
    fixture.settle();
    fixture.settle();  // the refusal has led to a question of its own
    CHECK(fixture.reports.empty());
  }
}

TEST_CASE("Nothing is told of a run that has ended, nor after the end of the object") {
  ScopesFixture fixture;
  FakeQemu qemu(fixture.folders, "web", kVmUuid);
  fixture.want();
  SUBCASE("of the run") { fixture.scopes->want({}); }
  SUBCASE("of the object") { fixture.scopes.reset(); }
  loop_until(fixture.loop, "the scope", [&] { return fixture.systemd.manager.scopes.contains(kScope); });
  fixture.settle();
  CHECK(fixture.reports.empty());
}

TEST_CASE("A scope is named after its VM, as systemd-escape does it") {
  CHECK(scope_name("web", kVmUuid) == kScope);
  CHECK(scope_name("web-1", kVmUuid) == "virtsession-web\\x2d1-30b28fa7.scope");
  CHECK(scope_name("a b.c:d_e@\\", kVmUuid) == "virtsession-a\\x20b.c:d_e\\x40\\x5c-30b28fa7.scope");
  CHECK(scope_name(".x", kVmUuid) == "virtsession-\\x2ex-30b28fa7.scope");
  CHECK(scope_name("\xc3\xbc", kVmUuid) == "virtsession-\\xc3\\xbc-30b28fa7.scope");
  CHECK(scope_name(std::string(300, 'a'), kVmUuid).size() == 255);
  const auto escaped = scope_name(std::string(300, '-'), kVmUuid);
  CHECK(escaped.size() <= 255);
  CHECK(escaped.ends_with("\\x2d-30b28fa7.scope"));
}

}  // namespace
}  // namespace virtsession
