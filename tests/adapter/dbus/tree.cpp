// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"
#include "service.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

namespace virtsession::test {

namespace {

std::set<std::string> keys(const VariantMap& properties) {
  std::set<std::string> names;
  for (const auto& [name, value] : properties) names.insert(name);
  return names;
}

constexpr std::size_t kProperties = 25;

using Rows = std::vector<sdbus::Struct<std::string, std::string, std::string>>;

}  // namespace

TEST_CASE("an empty service has no managed objects") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  CHECK(client.managed_objects().empty());
}

TEST_CASE("a VM shows every field") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.add(web());
  const auto objects = client.managed_objects();
  REQUIRE(objects.size() == 1);
  CHECK(objects.begin()->first == kWebPath);
  CHECK(objects.begin()->second.contains(kVmInterface));

  VmProxy vm(client.connection(), kWebPath);
  CHECK(vm.Uuid() == kWebUuid);
  CHECK(vm.Name() == "web");
  CHECK(vm.Title() == "Web server");
  CHECK(vm.State() == "running");
  CHECK(vm.StateReason() == "booted");
  CHECK(vm.Phase() == "waiting-ready");
  CHECK(vm.PhaseReason() == "waits for the guest agent");
  CHECK(vm.Progress() == -1);
  CHECK(vm.Intent() == "up");
  CHECK(vm.Autostart());
  CHECK_FALSE(vm.AutostartOnce());
  CHECK(vm.Persistent());
  CHECK_FALSE(vm.ManagedSave());
  CHECK(vm.LastError() == "no space left on device");
  CHECK(vm.RestartCount() == 2);
  CHECK(vm.StartedUSec() == 1'700'000'000'000'000);
  CHECK(vm.Networks() == Rows{{"bridge", "virbr0", "52:54:00:00:00:01"}});
  REQUIRE(vm.Addresses().size() == 1);
  const auto address = vm.Addresses().front();
  CHECK(address.size() == 4);
  CHECK(address.at("address").get<std::string>() == "192.0.2.7");
  CHECK(address.at("nic").get<std::string>() == "net0");
  CHECK(address.at("mac").get<std::string>() == "52:54:00:00:00:01");
  CHECK(address.at("source").get<std::string>() == "arp");
  auto forwards = vm.Forwards();
  REQUIRE(forwards.size() == 1);
  CHECK(forwards[0].size() == 8);
  CHECK(forwards[0].at("host_address").get<std::string>() == "127.0.0.1");
  CHECK(forwards[0].at("host_port").get<std::uint16_t>() == 2222);
  CHECK(forwards[0].at("protocol").get<std::string>() == "udp");
  CHECK(forwards[0].at("guest_port").get<std::uint16_t>() == 22);
  CHECK(forwards[0].at("nic").get<std::string>() == "net0");
  CHECK(forwards[0].at("state").get<std::string>() == "failed");
  CHECK(forwards[0].at("reason").get<std::string>() == "sshd (pid 7) has it");
  CHECK(forwards[0].at("spec").get<std::string>() == "2222:22/udp");
  CHECK(vm.PolicyProblems() == Rows{{"/start_oder", "unknown key start_oder", "did you mean start_order?"}});
  CHECK(vm.PolicyProblemCodes() == std::vector<std::string>{"unknown-key"});
  CHECK(vm.PolicyOverrides().at("start_order").get<std::int32_t>() == 5);
  const auto policy = vm.Policy();
  CHECK(policy.size() == 6);
  CHECK(policy.at("start").get<std::string>() == "flag");
  CHECK(policy.at("restart_delay_sec").get<double>() == 1.5);
  CHECK(policy.at("resume_sync_time").get<bool>());
  CHECK(policy.at("memory_high_mib").get<std::int64_t>() == std::int64_t{1} << 40);
  CHECK(policy.at("stop_actions").get<std::vector<std::string>>() == std::vector<std::string>{"shutdown", "save"});
}

TEST_CASE("a thousand VMs are listed with all their properties") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.on_loop([&] {
    for (int i = 0; i < 1000; ++i) service.tree->update(numbered(i));
  });
  client.managed_objects();
  const auto begin = std::chrono::steady_clock::now();
  const auto objects = client.managed_objects();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  MESSAGE("GetManagedObjects with 1000 VMs took " << took.count() << " ms");
  CHECK(objects.size() == 1000);
  const auto& last = objects.at(sdbus::ObjectPath(object_path(numbered(999).uuid))).at(kVmInterface);
  CHECK(last.at("Name").get<std::string>() == "vm999");
  CHECK(last.size() == kProperties);
}

TEST_CASE("VMs that come and go are announced") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.add(web());
  auto signals = client.signals();
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].member == "InterfacesAdded");
  CHECK(signals[0].path == kWebPath);
  CHECK(signals[0].all.at(kVmInterface).at("Name").get<std::string>() == "web");
  CHECK(signals[0].all.at(kVmInterface).size() == kProperties);

  service.on_loop([&] { service.tree->remove(kWebUuid); });
  signals = client.signals();
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].member == "InterfacesRemoved");
  CHECK(signals[0].path == kWebPath);
  CHECK(std::ranges::count(signals[0].names, kVmInterface) == 1);
  CHECK(client.managed_objects().empty());
  CHECK(client.vm_call("Start", VariantMap{}).error_name == "org.freedesktop.DBus.Error.UnknownObject");

  service.on_loop([&] { service.tree->remove(kWebUuid); });
  CHECK(client.signals().empty());
}

TEST_CASE("one update of a VM is one PropertiesChanged that names what differs, no change is none") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.add(web());
  client.signals();

  service.update(web());
  CHECK(client.signals().empty());

  VmView changed = web();
  changed.state = DomainState::shut_off;
  changed.phase = Phase::inactive;
  changed.policy = with(changed.policy, "start_order", 6);
  changed.started_usec = 0;
  service.update(changed);
  auto signals = client.signals();
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].member == "PropertiesChanged");
  CHECK(signals[0].path == kWebPath);
  CHECK(signals[0].interface == kVmInterface);
  CHECK(signals[0].names.empty());
  CHECK(keys(signals[0].changed) == std::set<std::string>{"State", "Phase", "Policy", "StartedUSec"});
  CHECK(signals[0].changed.at("State").get<std::string>() == "shut-off");
  CHECK(signals[0].changed.at("Policy").get<VariantMap>().at("start_order").get<std::int32_t>() == 6);

  VmView other;
  other.uuid = kWebUuid;
  service.update(other);
  signals = client.signals();
  REQUIRE(signals.size() == 1);
  // Every property that differs from before: of all, not the constant Uuid nor what is equal.
  CHECK(keys(signals[0].changed) ==
        std::set<std::string>{"Name", "Title", "State", "StateReason", "Phase", "PhaseReason", "Intent", "Autostart",
                              "Persistent", "Policy", "PolicyOverrides", "PolicyProblems", "PolicyProblemCodes",
                              "LastError", "RestartCount", "Networks", "Addresses", "Forwards"});
}

TEST_CASE("every property that may change is announced when it does") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  VmView empty;
  empty.uuid = kWebUuid;
  service.add(empty);
  client.signals();
  VmView full = web();
  full.autostart_once = true;
  full.managed_save = true;
  full.progress = 45;
  full.phase_since_usec = 1;
  full.scope = "virtsession-web-11111111.scope";
  service.update(full);
  const auto signals = client.signals();
  REQUIRE(signals.size() == 1);
  auto announced = keys(signals[0].changed);
  announced.insert("Uuid");
  CHECK(announced == keys(client.get_all(kWebPath, kVmInterface)));
  CHECK(signals[0].changed.at("Progress").get<std::int32_t>() == 45);
}

TEST_CASE("the manager shows every field and announces what differs") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  ManagerView view;
  view.version = "0.1.0";
  service.on_loop([&] { service.tree->update(view); });
  client.signals();
  const ManagerView same = view;
  service.on_loop([&] { service.tree->update(same); });
  CHECK(client.signals().empty());

  view.libvirt_state = LibvirtState::ready;
  view.libvirt_reason = "connected";
  view.libvirt_daemon = "libvirtd";
  view.libvirt_version = "9.0.0";
  view.libvirt_managed = true;
  view.autostart_state = AutostartState::incomplete;
  view.autostart_reason = "\"web\" should run and does not";
  view.stop_state = StopState::running;
  view.stop_budget_usec = 108'000'000;
  view.linger = true;
  view.counts = {{"running", 1}, {"total", 2}};
  view.config_path = "/etc/virtsession/config.json";
  view.config_problems = {{"/log", "unknown key log", ""}};
  service.on_loop([&] { service.tree->update(view); });
  const auto signals = client.signals();
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].interface == kManagerInterface);
  CHECK(signals[0].path == kRootPath);
  auto announced = keys(signals[0].changed);
  announced.insert("Version");
  CHECK(announced == keys(client.get_all(std::string(kRootPath), kManagerInterface)));

  ManagerProxy manager(client.connection());
  CHECK(manager.Version() == "0.1.0");
  CHECK(manager.LibvirtState() == "ready");
  CHECK(manager.LibvirtReason() == "connected");
  CHECK(manager.LibvirtDaemon() == "libvirtd");
  CHECK(manager.LibvirtVersion() == "9.0.0");
  CHECK(manager.LibvirtManaged());
  CHECK(manager.AutostartState() == "incomplete");
  CHECK(manager.AutostartReason() == "\"web\" should run and does not");
  CHECK(manager.Counts() == std::map<std::string, std::uint32_t>{{"running", 1}, {"total", 2}});
  CHECK(manager.ConfigPath() == "/etc/virtsession/config.json");
  CHECK(manager.ConfigProblems() == Rows{{"/log", "unknown key log", ""}});
}

TEST_CASE("texts that D-Bus cannot carry break nothing") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  VmView odd = web();
  odd.name =
      "w\xff"
      "eb";
  odd.title = std::string("nul\0inside", 10);
  odd.phase_reason = "surrogate \xed\xa0\x80, noncharacter \xef\xbf\xbf";
  odd.last_error = "cut \xe2\x82";
  odd.policy = nlohmann::json{{"start\xc0", "\xfe"}, {"list", {"\x80", "good"}}};
  odd.policy_problems = {{"/\xff", "\xff", "\xff"}};
  odd.networks = {{"\xff", "br\xff", "\xff"}};
  service.add(odd);
  service.add(numbered(1));
  ManagerView manager;
  manager.libvirt_reason = "\xff";
  manager.counts = {{"\xff", 1}};
  manager.config_problems = {{"\xff", "\xff", "\xff"}};
  service.on_loop([&] { service.tree->update(manager); });

  CHECK(client.managed_objects().size() == 2);
  const auto signals = client.signals();
  REQUIRE(signals.size() == 3);
  CHECK(signals[0].member == "InterfacesAdded");
  CHECK(signals[2].member == "PropertiesChanged");
  const auto all = client.get_all(kWebPath, kVmInterface);
  CHECK(all.at("Name").get<std::string>() ==
        "w\xef\xbf\xbd"
        "eb");
  CHECK(all.at("Title").get<std::string>() == "nul\xef\xbf\xbdinside");
  CHECK(all.at("LastError").get<std::string>() == "cut \xef\xbf\xbd\xef\xbf\xbd");
  CHECK(all.at("Policy").get<VariantMap>().at("start\xef\xbf\xbd").get<std::string>() == "\xef\xbf\xbd");
  CHECK(client.get_all(std::string(kRootPath), kManagerInterface).at("LibvirtReason").get<std::string>() ==
        "\xef\xbf\xbd");
  ManagerProxy proxy(client.connection());
  const auto rows = proxy.ListVMs({});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].get<2>() ==
        "w\xef\xbf\xbd"
        "eb");
}

TEST_CASE("a second service says who owns the name") {
  PrivateBus bus;
  Service first(bus);
  std::string text;
  try {
    Service second(bus);
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  CHECK(text.starts_with("another virtsessiond is running: org.virtsession.Supervisor1 is owned by D-Bus client " +
                         first.unique_name));
  CHECK(text.find("pid " + std::to_string(getpid())) != std::string::npos);
}

TEST_CASE("a name may be requested again after its owner is gone") {
  PrivateBus bus;
  { Service first(bus); }
  Service second(bus);
  Client client(bus);
  CHECK(client.managed_objects().empty());
}

}  // namespace virtsession::test
