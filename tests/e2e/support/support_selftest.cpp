// SPDX-License-Identifier: LGPL-2.1-or-later
// Do the throwaway host and the guests do what the end-to-end tests believe they do? Knows nothing of virtsession.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "bus.hpp"
#include "guest.hpp"
#include "host.hpp"
#include "util/sdbus_compat.hpp"
#include "wait_until.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>

#ifndef VIRTSESSION_TEST_GUESTS_DIR
#error "define VIRTSESSION_TEST_GUESTS_DIR as the output folder of build-guest"
#endif

using namespace std::chrono_literals;
using namespace virtsession::test;

namespace {

HostOptions with_guests() { return {.guests = VIRTSESSION_TEST_GUESTS_DIR}; }

std::string system_state_on(sdbus::IConnection& bus) {
  auto manager = sdbus::createProxy(bus, virtsession::sdbus_compat::ServiceName("org.freedesktop.systemd1"),
                                    sdbus::ObjectPath("/org/freedesktop/systemd1"));
  return manager->getProperty("SystemState").onInterface("org.freedesktop.systemd1.Manager").get<std::string>();
}

}  // namespace

TEST_CASE("a command's output, status and input pass through") {
  const CommandResult result = run({"sh", "-c", "cat; echo wrong >&2; exit 3"}, {.input = "text"});
  CHECK(result.status == 3);
  CHECK(result.out == "text");
  CHECK(result.err == "wrong\n");
  CHECK(run({"sh", "-c", "kill -9 $$"}).status == 137);
  CHECK(run({"no-such-command"}).status == 127);
  CHECK_THROWS_AS(run({"sleep", "10"}, {.timeout = 1s}), TimedOut);
  // More than a pipe holds, both ways.
  const std::string large(1 << 20, 'x');
  CHECK(run({"cat"}, {.input = large}).out == large);
  // What it leaves behind holds the pipe open and is not waited for.
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run({"sh", "-c", "sleep 5 & echo done"}).out == "done\n");
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
}

TEST_CASE("a guest lives and dies on a host that a user logs in to and that reboots") {
  std::filesystem::path state;
  {
    Host host(with_guests());
    state = host.disk_path("/").parent_path().parent_path();
    host.add_user("alice");
    host.add_user("alice");
    CHECK(host.user("alice", {"true"}).status != 0);
    const std::string session = host.login("alice");
    CHECK(host.must_user("alice", {"sh", "-c", "echo $XDG_SESSION_ID"}) == session);
    CHECK(host.must_user("alice", {"id", "-un"}) == "alice");
    CHECK(host.must_exec({"loginctl", "show-session", session, "-p", "Class", "--value"}) == "user");
    CHECK(host.user("alice", {"sh", "-c", "cat; exit 7"}, {.input = "in"}).out == "in");
    CHECK(host.user("alice", {"sh", "-c", "cat; exit 7"}).status == 7);

    Guest guest(host, "alice", {.name = "a", .policy = R"({"start_order":10})"});
    CHECK(guest.must_virsh("metadata", {"https://virtsession.org/policy/1"}).find(R"({"start_order":10})") !=
          std::string::npos);
    guest.start();
    guest.wait_ready();
    CHECK(host.must_exec({"cat", "/proc/" + std::to_string(guest.qemu_pid()) + "/comm"}).starts_with("qemu-system"));
    guest.shutdown();
    guest.wait_for_console(kPowerDown, 30s);
    guest.wait_for_state("shut off", 10s);
    CHECK(guest.state_with_reason() == "shut off (shutdown)");

    const std::string boot_id = host.must_exec({"cat", "/proc/sys/kernel/random/boot_id"});
    host.reboot();
    CHECK(host.must_exec({"cat", "/proc/sys/kernel/random/boot_id"}) != boot_id);
    CHECK(host.user("alice", {"true"}).status != 0);
    CHECK(host.journal({"--boot=-1", "--output=cat"}).find("New session") != std::string::npos);
    CHECK(guest.count_on_console(kPowerDown) == 1);

    host.login("alice");
    guest.start();
    guest.wait_ready(2);
    host.kill();
    CHECK_FALSE(host.is_up());
    CHECK(guest.count_on_console("guest ready: a") == 2);
    CHECK(guest.count_on_console(kPowerDown) == 1);
  }
  CHECK_FALSE(std::filesystem::exists(state));
}

TEST_CASE("the buses of the host can be used from outside") {
  Host host;
  host.add_user("alice");
  host.login("alice");
  const auto bus = connect_to_user_bus(host, "alice");
  CHECK(system_state_on(*bus) == "running");
  CHECK(system_state_on(*connect_to_system_bus(host)) == "running");
  host.logout("alice");
  host.wait_user_stopped("alice");
  CHECK_THROWS(connect_to_user_bus(host, "alice"));
  host.poweroff();
  CHECK_FALSE(host.is_up());
  host.boot();
  host.enable_linger("alice");
  CHECK(host.must_user("alice", {"systemctl", "--user", "is-system-running", "--wait"}) == "running");
}

TEST_CASE("each kind of guest does what it is there for") {
  Host host(with_guests());
  host.add_user("alice");
  host.login("alice");

  SUBCASE("stubborn: ignores the power button, keeps its time over a save") {
    Guest guest(host, "alice", {.name = "stubborn", .system = System::stubborn, .kernel_arguments = "guest.tick"});
    guest.start();
    guest.wait_ready();
    guest.shutdown();
    const long asked = guest.last_uptime();
    wait_until([&] { return guest.last_uptime() > asked + 3; }, 30s, "the guest goes on after the power button");
    CHECK(guest.state() == "running");
    guest.must_virsh("managedsave");
    const long uptime = guest.last_uptime();
    guest.start();
    CHECK(uptime > asked);
    wait_until([&] { return guest.last_uptime() > uptime; }, 30s, "the restored guest's time goes on");
    CHECK(guest.count_on_console("guest ready: ") == 1);
    guest.destroy();
    CHECK(guest.state_with_reason() == "shut off (destroyed)");
    CHECK(guest.qemu_pid() == 0);
  }
  SUBCASE("agent: answers, listens, and powers off by itself") {
    Guest guest(host, "alice",
                {.name = "agent",
                 .system = System::agent,
                 .kernel_arguments = "guest.listen=80 guest.exit=15",
                 .port_forward = PortForward{.host_port = 8080, .guest_port = 80}});
    guest.start();
    wait_until([&] { return guest.virsh("qemu-agent-command", {R"({"execute":"guest-ping"})"}).succeeded(); }, 60s,
               "the guest agent answers");
    wait_until(
        [&] {
          // QEMU accepts at once; only what comes back tells that the guest listens.
          return host.exec({"bash", "-c", "read -r -t 1 line </dev/tcp/127.0.0.1/8080 && echo \"$line\""}).out ==
                 "guest agent\n";
        },
        60s, "the guest listens");
    guest.wait_for_console(kPowerDown, 60s);
    guest.wait_for_state("shut off", 10s);
  }
  SUBCASE("panic: libvirt is told of it") {
    Guest guest(host, "alice", {.name = "panic", .kernel_arguments = "guest.panic=1", .has_panic_device = true});
    guest.start();
    guest.wait_for_state("shut off", 60s);
    CHECK(guest.state_with_reason() == "shut off (crashed)");
    CHECK(guest.count_on_console("Kernel panic") == 1);
  }
  SUBCASE("none: runs") {
    Guest guest(host, "alice", {.name = "none", .system = System::none});
    guest.start();
    CHECK(guest.state() == "running");
    CHECK(host.exec({"kill", "-KILL", std::to_string(guest.qemu_pid())}).succeeded());
    guest.wait_for_state("shut off", 10s);
    CHECK(guest.state_with_reason() == "shut off (crashed)");
  }
}
