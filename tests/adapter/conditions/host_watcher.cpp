// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_watcher_fixture.hpp"

namespace virtsession::host_watcher {

TEST_CASE("What nobody wants is not watched, and not remembered") {
  Host host(false);
  UPower upower(host, true);
  const auto before = host.clients_of_bus();
  host.want({.ac_power = true, .graphical_session = false, .memory = true, .paths = {host.laptop.folder / "disk"}});
  loop_until(host.loop, "all facts",
             [&] { return host.facts.on_ac_power && host.facts.available_memory_mib && !host.facts.paths.empty(); });
  CHECK(host.clients_of_bus() == before + 1);
  host.want({});
  loop_until(host.loop, "no facts", [&] { return host.facts == HostFacts{}; });
  loop_until(host.loop, "the end of the connection to the system bus", [&] { return host.clients_of_bus() == before; });
  const auto changes = host.changes;
  upower.set_on_battery(false);
  host.laptop.memory(1);
  write(host.laptop.folder / "disk", "");
  loop_until_idle(host.loop);
  // Five times the interval at which memory is read.
  CHECK(sd_event_run(host.loop.get(), 100'000) == 0);
  CHECK(host.changes == changes);
}

TEST_CASE("The graphical session is there while its target is active") {
  Host host;
  RunningSystemd systemd(host.loop, host.bus);
  const auto set_active_state = [&](const std::string& state) {
    systemd.manager.unit("graphical-session.target").change({"loaded", state, "", "", 0});
  };
  bool connected = false;
  host.manager.connect([&](const Result<void>& result) { connected = static_cast<bool>(result); });
  loop_until(host.loop, "the user manager", [&] { return connected; });
  const WantedFacts wanted{.ac_power = false, .graphical_session = true, .memory = false, .paths = {}};
  CHECK_FALSE(host.watcher->read_now(wanted).graphical_session);
  host.want(wanted);
  loop_until(host.loop, "its state", [&] { return host.facts.graphical_session == false; });
  set_active_state("activating");
  set_active_state("active");
  loop_until(host.loop, "the session", [&] { return host.facts.graphical_session == true; });
  set_active_state("deactivating");
  loop_until(host.loop, "the session's end", [&] { return host.facts.graphical_session == false; });
  set_active_state("active");
  loop_until(host.loop, "the session", [&] { return host.facts.graphical_session == true; });
  host.want({});
  loop_until(host.loop, "nothing known", [&] { return !host.facts.graphical_session; });
  CHECK(host.watcher->read_now(wanted).graphical_session == true);
  host.want(wanted);
  host.watcher.reset();
  set_active_state("inactive");
  loop_until_idle(host.loop);
}

TEST_CASE("Units are active, or not, while somebody waits for them") {
  Host host;
  RunningSystemd systemd(host.loop, host.bus);
  auto& unit = systemd.manager.unit("nbd.service");
  bool connected = false;
  host.manager.connect([&](const Result<void>& result) { connected = static_cast<bool>(result); });
  loop_until(host.loop, "the user manager", [&] { return connected; });
  WantedFacts wanted;
  wanted.units = {"nbd.service"};
  CHECK(host.watcher->read_now(wanted).units.empty());
  host.want(wanted);
  const auto is_active = [&](bool active) {
    loop_until(host.loop, active ? "it is active" : "it is not active", [&] {
      const auto known = host.facts.units.find("nbd.service");
      return known != host.facts.units.end() && known->second == active;
    });
  };
  is_active(false);
  unit.change({"loaded", "activating", "", "", 0});
  unit.change({"loaded", "active", "", "", 0});
  is_active(true);
  CHECK(host.watcher->read_now(wanted).units.at("nbd.service"));
  unit.change({"loaded", "deactivating", "", "", 0});
  is_active(false);
  host.want({});
  loop_until(host.loop, "nothing known", [&] { return host.facts.units.empty(); });
}

TEST_CASE("Memory is read again while somebody waits for it") {
  Host host;
  host.want({.ac_power = false, .graphical_session = false, .memory = true, .paths = {}});
  loop_until(host.loop, "the memory", [&] { return host.facts.available_memory_mib == 4096; });
  host.laptop.memory(8192);
  loop_until(host.loop, "more memory", [&] { return host.facts.available_memory_mib == 8192; });
}

TEST_CASE("Paths are seen when they come and go, wherever they are") {
  Host host;
  const auto disk = (host.laptop.folder / "mnt/deep/disk").string();
  const auto there = host.laptop.folder.path().string();
  host.want({.ac_power = false, .graphical_session = false, .memory = false, .paths = {disk, there, "relative"}});
  loop_until(host.loop, "the paths", [&] { return host.facts.paths.size() == 3; });
  CHECK_FALSE(host.facts.paths.at(disk).exists);
  CHECK(host.facts.paths.at(there).exists);
  CHECK_FALSE(host.facts.paths.at("relative").exists);
  std::filesystem::create_directories(host.laptop.folder / "mnt/deep");
  write(disk, "");
  loop_until(host.loop, "the disk", [&] { return host.facts.paths.at(disk).exists; });
  std::filesystem::remove_all(host.laptop.folder / "mnt");
  loop_until(host.loop, "the disk's end", [&] { return !host.facts.paths.at(disk).exists; });
  host.want({.ac_power = false, .graphical_session = false, .memory = false, .paths = {disk}});
  loop_until(host.loop, "one path", [&] { return host.facts.paths.size() == 1; });
}

TEST_CASE("A dry run gets what is known now, without a wait and without a watch") {
  Host host(false);
  UPower upower(host, false);
  const auto clients = host.clients_of_bus();
  const auto disk = (host.laptop.folder / "meminfo").string();
  const WantedFacts wanted{
      .ac_power = true, .graphical_session = true, .memory = true, .paths = {disk, "/nonexistent"}};
  const HostFacts expected{false, std::nullopt, 4096, {{disk, {.exists = true}}, {"/nonexistent", {}}}};
  CHECK(host.watcher->read_now(wanted) == expected);
  CHECK(host.watcher->read_now({}) == HostFacts{});
  CHECK(host.clients_of_bus() == clients);
  host.want_ac_power();
  host.wait_for_ac_power(true);
  CHECK(host.watcher->read_now(wanted).on_ac_power == true);
}

TEST_CASE("The watcher may go with answers under way, and in its own handler") {
  Host host(false);
  UPower upower(host, true);
  SUBCASE("under way") {
    host.want_ac_power();
    host.watcher.reset();
    upower.fence();
    CHECK(host.changes == 0);
  }
  SUBCASE("in its handler") {
    host.watcher.reset();
    host.watcher.emplace(
        host.loop, host.manager, host.paths, [&](const HostFacts&) { host.watcher.reset(); }, host.laptop.sources());
    host.want_ac_power();
    loop_until(host.loop, "the watcher's end", [&] { return !host.watcher; });
  }
}

TEST_CASE("room on a file system is told while a VM waits for it, and only then") {
  Host host;
  const auto file = (host.laptop.folder / "disk.qcow2").string();
  write(file, "");
  WantedFacts wanted;
  wanted.free_bytes = {file, "/no/such/file"};
  host.want(wanted);
  loop_until(host.loop, "the room that there is", [&] { return host.facts.free_bytes.contains(file); });
  CHECK(host.facts.free_bytes.at(file) > 0);
  CHECK(host.facts.free_bytes.size() == 1);
  host.want({});
  loop_until(host.loop, "that nobody asks any more", [&] { return host.facts.free_bytes.empty(); });
}

TEST_CASE("a mount point counts when something is mounted there") {
  in_mount_namespace([] {
    Host host;
    const auto& folder = host.laptop.folder;
    std::set<std::string> paths;
    for (const std::string name : {"by-fstab", "by-unit", "by-user-unit", "seen", "plain"}) {
      std::filesystem::create_directory(folder / name);
      paths.insert(folder / name);
    }
    auto unit = (folder / "by-unit").string().substr(1), user_unit = (folder / "by-user-unit").string().substr(1);
    for (auto* name : {&unit, &user_unit})
      for (std::size_t at = 0; at < name->size(); ++at)
        if ((*name)[at] == '-')
          name->replace(at, 1, "\\x2d");
        else if ((*name)[at] == '/')
          (*name)[at] = '-';
    std::filesystem::create_directory(folder / "units");
    std::filesystem::create_directory(folder / "user-units");
    write(folder / "units" / (unit + ".mount"), "[Mount]");
    write(folder / "user-units" / (user_unit + ".mount"), "[Mount]");
    write(folder / "fstab", "UUID=1 " + (folder / "by-fstab").string() + "/ ext4 noauto 0 0\nUUID=2 none swap sw 0 0");
    mount_tmpfs(folder / "seen", 64);
    host.want({.paths = paths});
    const auto missing = [&](const char* name) {
      const auto known = host.facts.paths.find(folder / name);
      return known == host.facts.paths.end() ? "not known" : missing_at(name, known->second);
    };
    loop_until(host.loop, "the paths", [&] { return host.facts.paths.size() == paths.size(); });
    for (const auto* name : {"by-fstab", "by-unit", "by-user-unit"})
      CHECK(missing(name) == std::string("nothing is mounted at ") + name);
    CHECK(missing("seen").empty());
    CHECK(missing("plain").empty());
    CHECK(missing_at("it", host.watcher->read_now({.paths = paths}).paths.at(folder / "by-fstab")) ==
          "nothing is mounted at it");

    mount_tmpfs(folder / "by-fstab", 64);
    loop_until(host.loop, "the mount", [&] { return missing("by-fstab").empty(); });
    unmount(folder / "seen");
    loop_until(host.loop, "the unmount", [&] { return missing("seen") == "nothing is mounted at seen"; });
  });
}

TEST_CASE("a path that hangs is named, and holds up nothing else") {
  in_mount_namespace([] {
    Host host;
    const auto& folder = host.laptop.folder;
    for (const auto* name : {"hung", "user-units"}) std::filesystem::create_directory(folder / name);
    write(folder / "disk", "");
    HungMount hung(folder / "hung");
    HungMount home(folder / "user-units");
    const auto bad = (folder / "hung/disk").string(), good = (folder / "disk").string();
    const WantedFacts wanted{.memory = true, .paths = {bad, good}, .free_bytes = {bad, good}};
    host.want(wanted);
    loop_until(host.loop, "all but that path", [&] {
      return host.facts.paths.size() == 2 && host.facts.paths.at(good).exists && !host.facts.paths.at(bad).answers &&
             host.facts.free_bytes.contains(good) && host.facts.available_memory_mib;
    });
    const auto planned = host.watcher->read_now(wanted);
    CHECK(planned.paths.at(good).exists);
    CHECK_FALSE(planned.paths.at(bad).answers);
    hung.answer();
    write(bad, "");
    loop_until(host.loop, "an answer", [&] { return host.facts.paths.at(bad).exists; });
  });
}

TEST_CASE("USB devices are told while somebody waits for one, also when one is plugged in") {
  Host host;
  const auto plug = [&](const std::string& name, const std::string& vendor, const std::string& product) {
    std::filesystem::create_directories(host.laptop.folder / "usb" / name);
    write(host.laptop.folder / "usb" / name / "idVendor", vendor);
    write(host.laptop.folder / "usb" / name / "idProduct", product);
  };
  plug("usb1", "1d6b", "0002");
  host.want({.usb_devices = true});
  loop_until(host.loop, "the devices",
             [&] { return host.facts.usb_devices == std::optional(std::set<std::string>{"1d6b:0002"}); });
  plug("1-2", "046d", "c52b");
  std::ofstream announce(kLoopback);
  announce << "add" << std::flush;
  if (!announce.good()) {
    MESSAGE("Not run to its end: only root may let the kernel announce a device");
    return;
  }
  loop_until(host.loop, "the new one", [&] { return host.facts.usb_devices->contains("046d:c52b"); });
  host.want({});
  loop_until(host.loop, "nothing known", [&] { return !host.facts.usb_devices; });
}

}  // namespace virtsession::host_watcher
