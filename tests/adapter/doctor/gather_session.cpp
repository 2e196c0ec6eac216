// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/diagnose.hpp"
#include "doctor/gatherers.hpp"
#include "fake_manager.hpp"
#include "provoke.hpp"
#include "sample_facts.hpp"
#include "util/bounded.hpp"
#include "util/session_user.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>

namespace virtsession::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("Units as the user manager knows them: one that is not enabled, one that failed, one that is missing") {
  const PrivateBus bus;
  const FakeManager manager(bus, {{"virtsessiond.service", "loaded", "inactive", "disabled"},
                                  {"virtsession-libvirtd.socket", "loaded", "active", "enabled"},
                                  {"virtsession-libvirtd.service", "loaded", "failed", "static", "exit-code"},
                                  {"user@" + std::to_string(geteuid()) + ".service", "loaded", "active", "static"}});
  Elsewhere elsewhere;
  elsewhere.options.session_bus = bus.address();
  elsewhere.options.system_bus = bus.address();
  auto facts = gather_facts(elsewhere.options);
  facts.libvirt.default_daemon = "libvirtd";
  CHECK(facts.user_manager.error == "");
  CHECK(facts.user_manager.stop_budget_usec == 90000000);
  CHECK(only(facts, "user-manager").severity == Severity::ok);
  const auto enabled = of(diagnose(facts), "unit-enabled");
  REQUIRE(enabled.size() == 2);
  CHECK(enabled[1].fix == "systemctl --user enable --now virtsessiond.service");
  CHECK(only(facts, "unit-failed").text.find("virtsession-libvirtd.service failed (exit-code)") != std::string::npos);
  REQUIRE(facts.user_manager.unit("virtsession-virtqemud.socket"));
  CHECK(facts.user_manager.unit("virtsession-virtqemud.socket")->load_state == "not-found");
  CHECK(only(facts, "stop-budget").text.find("90 s") != std::string::npos);
}

TEST_CASE("Without a bus the doctor says so and goes on") {
  Elsewhere elsewhere;
  elsewhere.options.session_bus = "";
  auto facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "user-manager").severity == Severity::problem);
  elsewhere.options.session_bus = "unix:path=/nonexistent/bus";
  facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "user-manager").severity == Severity::problem);
  elsewhere.options.session_bus = "garbage";
  facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "user-manager").severity == Severity::problem);
}

TEST_CASE("A bus that accepts and says nothing is given up on") {
  Elsewhere elsewhere;
  const Listener session(elsewhere.folder / "runtime/bus");
  const Listener system(elsewhere.folder / "run/bus");
  elsewhere.options.limit = std::chrono::milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const auto facts = gather_facts(elsewhere.options);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));  // sd-bus itself waits for 90
  const auto found = only(facts, "user-manager");
  CHECK(found.severity == Severity::problem);
  CHECK(found.text.find("timed out") != std::string::npos);
  CHECK(only(facts, "doctor-complete").severity == Severity::ok);
  wait_until("the threads' end", [] { return bounded_threads == 0; });  // nothing is left behind
}

TEST_CASE("Lingering, as logind keeps it") {
  Elsewhere elsewhere;
  CHECK(only(gather_facts(elsewhere.options), "linger").severity == Severity::note);
  elsewhere.write("linger/" + gather_machine(elsewhere.options).user, "");
  CHECK(only(gather_facts(elsewhere.options), "linger").severity == Severity::ok);
  // The name of a domain's user is written as in a C string.
  MachineFacts machine = gather_machine(elsewhere.options);
  machine.user = "DOM\\\u00e4nn";
  CHECK(gather_user_manager(elsewhere.options, machine).linger == false);
  elsewhere.write("linger/DOM\\\\\\303\\244nn", "");
  CHECK(gather_user_manager(elsewhere.options, machine).linger == true);
}

TEST_CASE("A socket is stale when its file is there and nobody listens") {
  Elsewhere elsewhere;
  const auto path = elsewhere.folder / "runtime/libvirt/libvirt-sock";
  CHECK(only(gather_facts(elsewhere.options), "daemon-answers").text.find("the next client forks") !=
        std::string::npos);
  Listener listener(path);
  auto facts = gather_facts(elsewhere.options);
  CHECK(facts.libvirt.socket("libvirtd")->state == SocketState::listening);
  CHECK(only(facts, "socket-stale").severity == Severity::ok);
  // Nobody came: to connect would start a daemon that systemd holds the socket for.
  CHECK(only(facts, "daemon-answers").text.find("systemd starts libvirtd when a client comes") != std::string::npos);
  pollfd client{listener.fd(), POLLIN, 0};
  CHECK(poll(&client, 1, 0) == 0);

  listener.end();
  facts = gather_facts(elsewhere.options);
  CHECK(facts.libvirt.socket("libvirtd")->state == SocketState::stale);
  const auto stale = only(facts, "socket-stale");
  CHECK(stale.severity == Severity::problem);
  CHECK(stale.fix == "systemctl --user stop virtsession-libvirtd.socket; rm -f " + path.string() +
                         "; systemctl --user start virtsession-libvirtd.socket");
  CHECK(of(diagnose(facts), "daemon-answers")[0].severity == Severity::problem);
}

TEST_CASE("A socket is lost when its file was removed, or is another one, under who listens") {
  Elsewhere elsewhere;
  const auto path = elsewhere.folder / "runtime/libvirt/libvirt-sock";
  const Listener listener(path);
  fs::remove(path);
  CHECK(gather_facts(elsewhere.options).libvirt.socket("libvirtd")->state == SocketState::lost);
  Listener other(path);
  other.end();
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.libvirt.socket("libvirtd")->state == SocketState::lost);
  CHECK(only(facts, "socket-stale").severity == Severity::problem);
}

TEST_CASE("A daemon of another session is not the one that answers here") {
  const Elsewhere elsewhere;
  const Spawned daemon("/bin/sleep", {"1000"}, "/opt/sandbox/virtqemud");
  const auto found =
      about(gather_facts(elsewhere.options), "daemon-stray", "virtqemud (pid " + std::to_string(daemon.pid()) + ")");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::note);
}

TEST_CASE("A QEMU that libvirt started and does not know any more") {
  const Elsewhere elsewhere;
  const std::string uuid = "0b4fb538-b287-4a87-a3f3-5d2335f1c9aa";
  const std::string key = elsewhere.options.config_home + "/libvirt/qemu/lib/domain-1-gone/master-key.aes";
  write_text(key, "0123456789abcdef");
  const Spawned qemu(
      "/usr/bin/qemu-system-x86_64",
      {"-name", "guest=gone,debug-threads=on", "-S", "-accel", "tcg", "-display", "none", "-nodefaults", "-m", "16",
       "-uuid", uuid, "-object", R"({"qom-type":"secret","id":"masterKey0","format":"raw","file":")" + key + R"("})"});
  const Spawned foreign("/bin/sleep", {"1000"}, "qemu-system-x86_64");  // without -uuid: no VM
  const std::string who = "QEMU of pid " + std::to_string(qemu.pid()) + " (gone)";
  const auto found = about(gather_facts(elsewhere.options), "qemu-orphan", who);
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::warning);
  CHECK_MESSAGE(found[0].fix.empty(), "a command that ends a guest is no advice");
  CHECK(about(gather_facts(elsewhere.options), "qemu-orphan", std::to_string(foreign.pid())).empty());

  // libvirt finds those again that it has noted.
  write_text(elsewhere.options.runtime_dir + "/libvirt/qemu/run/gone.xml",
             "<domstatus><domain type='qemu'><name>gone</name><uuid>" + uuid + "</uuid></domain></domstatus>");
  CHECK(about(gather_facts(elsewhere.options), "qemu-orphan", who).empty());
}

TEST_CASE("A QEMU of another libvirt, by its folder") {
  const Elsewhere elsewhere;
  const Spawned qemu("/usr/bin/qemu-system-x86_64", {"-S", "-accel", "tcg", "-display", "none", "-nodefaults", "-m",
                                                     "16", "-uuid", "1b4fb538-b287-4a87-a3f3-5d2335f1c9aa", "-name",
                                                     "/var/app/config/libvirt/qemu/lib/domain-1-x/master-key.aes"});
  const auto found = about(gather_facts(elsewhere.options), "qemu-orphan", "pid " + std::to_string(qemu.pid()));
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::note);
  CHECK(found[0].text.find("another libvirt") != std::string::npos);
  CHECK(found[0].fix == "");
}

TEST_CASE("A VM that runs in the session of another user") {
  const Elsewhere elsewhere;
  const std::string key = elsewhere.options.config_home + "/libvirt/qemu/lib/domain-1-theirs/master-key.aes";
  write_text(key, "0123456789abcdef");
  const Spawned qemu("/usr/bin/qemu-system-x86_64",
                     {"-name", "guest=theirs,debug-threads=on", "-S", "-accel", "tcg", "-display", "none",
                      "-nodefaults", "-m", "16", "-uuid", "2b4fb538-b287-4a87-a3f3-5d2335f1c9aa", "-object",
                      R"({"qom-type":"secret","id":"masterKey0","format":"raw","file":")" + key + R"("})"});
  const auto seen_by = [](uid_t uid) {
    MachineFacts machine;
    machine.uid = uid;
    const auto vms = find_vms_of_others(machine, read_processes());
    const auto found = std::ranges::find(vms, "theirs", &OtherUsersVm::name);
    return found == vms.end() ? std::string() : found->user;
  };
  CHECK(seen_by(geteuid() + 1) == user_name(geteuid()));
  CHECK(seen_by(geteuid()) == "");
}

}  // namespace
}  // namespace virtsession::test
