// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

const std::string kError = "org.virtsession.Supervisor1.Error.";

}  // namespace

TEST_CASE("a missing disk image: Start answers with libvirt's own words") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "a", .system = System::none, .disk = "/home/alice/missing.img"});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  const auto outcome = desktop.call("a", "Start");
  CHECK(outcome.error_name == kError + "OperationFailed");
  CHECK(outcome.mentions("Cannot access storage file '/home/alice/missing.img'"));
  CHECK(desktop.text("a", "LastError").find("missing.img") != std::string::npos);
  CHECK(desktop.text("a", "Phase") == "inactive");
  CHECK(desktop.text("a", "PhaseReason").find("failed to start") != std::string::npos);
}

TEST_CASE("bad input is refused by name and text, and changes nothing") {
  Desktop desktop;
  desktop.login();
  const auto guest =
      desktop.define({.name = "a", .system = System::none, .policy = R"({"start_order": 3, "start_oder": 4})"});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  const auto xml = desktop.virsh({"dumpxml", "a"});

  auto outcome = outcome_of([&] { desktop.api().manager().GetVM("nobody", {}); });
  CHECK(outcome.error_name == kError + "NoSuchVM");
  CHECK(outcome.mentions("nobody"));
  outcome = outcome_of([&] { desktop.api().manager().GetVM("00000000-0000-0000-0000-000000000000", {}); });
  CHECK(outcome.error_name == kError + "NoSuchVM");
  outcome = desktop.call("a", "Start", {{"pasued", sdbus::Variant(true)}});
  CHECK(outcome.error_name == kInvalidArgs);
  CHECK(outcome.mentions("pasued"));
  outcome = desktop.call("a", "Start", {{"paused", sdbus::Variant(std::string("yes"))}});
  CHECK(outcome.error_name == kInvalidArgs);
  CHECK(outcome.mentions("paused"));
  outcome =
      wait_for(desktop.api().call(*desktop.find("a"), kVmInterface, "SetPolicy",
                                  VariantMap{{"start_order", sdbus::Variant(std::string("first"))}}, VariantMap()));
  CHECK(outcome.error_name == kError + "InvalidPolicy");
  CHECK(outcome.mentions("start_order"));
  outcome = wait_for(desktop.api().call(*desktop.find("a"), kVmInterface, "SetPolicy",
                                        VariantMap{{"start_oder", sdbus::Variant(1)}}, VariantMap()));
  CHECK(outcome.mentions("did you mean start_order?"));
  CHECK(guest.state() == "shut off");
  CHECK(desktop.virsh({"dumpxml", "a"}) == xml);

  // What is wrong in the metadata is told, and the rest of it applies.
  const auto problems =
      desktop.vm("a").at("PolicyProblems").get<std::vector<sdbus::Struct<std::string, std::string, std::string>>>();
  REQUIRE(problems.size() == 1);
  CHECK(std::get<0>(problems[0]) == "/start_oder");
  CHECK(desktop.vm("a").at("Policy").get<VariantMap>().at("start_order").get<std::int32_t>() == 3);
}

TEST_CASE("a bad configuration keeps the old one in force and says where it is wrong") {
  Desktop desktop;
  desktop.login();
  desktop.host().write_file("/home/alice/.config/virtsession/config.json",
                            "{\n  \"defaults\": {\"start_order\": 5},\n}", kUser);
  auto outcome = wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "Reload", VariantMap()));
  CHECK(outcome.error_name == kError + "InvalidConfig");
  CHECK(outcome.mentions("line 3"));
  desktop.host().write_file("/home/alice/.config/virtsession/config.json", R"({"defaults": {"start_order": 5}})",
                            kUser);
  outcome = wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "Reload", VariantMap()));
  CHECK(outcome.error_name == "");
  desktop.define({.name = "a", .system = System::none});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  CHECK(desktop.vm("a").at("Policy").get<VariantMap>().at("start_order").get<std::int32_t>() == 5);

  // At start: the built-in defaults, and the reason.
  desktop.host().write_file("/home/alice/.config/virtsession/config.json", R"({"paralel": 2})", kUser);
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  CHECK(desktop.vm("a").at("Policy").get<VariantMap>().at("start_order").get<std::int32_t>() == 0);
  CHECK(desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat"}).find("did you mean parallel?") !=
        std::string::npos);
}

TEST_CASE("without a user manager: one clear error and no crash loop") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  // A bus of its own, as in a container: nobody there is systemd.
  const auto result = desktop.host().user(kUser, {"dbus-run-session", "virtsessiond"});
  CHECK(result.status == 69);
  CHECK(result.err.find("No systemd user manager") != std::string::npos);
  CHECK(result.err.find('\n') == result.err.rfind('\n'));
}

TEST_CASE("the session bus is taken away and comes back: virtsessiond is back within 5 s, VMs run on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  desktop.disconnect();
  desktop.host().user(kUser, {"systemctl", "--user", "stop", "dbus.socket", "dbus.service"});
  const auto waits = [&] {
    const auto log = desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat"});
    return log.find("Failed to connect to the session bus") != std::string::npos;
  };
  wait_until(waits, kLong, "an instance that finds no bus");
  desktop.host().user(kUser, {"systemctl", "--user", "start", "dbus.socket", "dbus.service"});
  // Without a call, which would start it by bus activation.
  const auto is_active = [&] { return desktop.systemctl({"show", "-P", "ActiveState", "virtsessiond"}) == "active"; };
  wait_until(is_active, std::chrono::seconds(5), "virtsessiond is active again");
  desktop.wait_ready();
  CHECK(guest.qemu_pid() == pid);
  CHECK(desktop.text("a", "Phase") == "running");
}

TEST_CASE("another virtsessiond: the unit says so, and is not restarted") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  run_beside(desktop, "other", {"virtsessiond", "--connect", "test:///default"});
  desktop.wait_ready();
  desktop.host().user(kUser, {"systemctl", "--user", "start", "virtsessiond"});
  const auto unit = [&](const char* property) { return desktop.systemctl({"show", "-P", property, "virtsessiond"}); };
  wait_until([&] { return unit("ActiveState") == "failed"; }, kSoon, "the unit has failed");
  CHECK(unit("ExecMainStatus") == "73");
  CHECK(unit("NRestarts") == "0");
}
