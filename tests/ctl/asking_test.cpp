// SPDX-License-Identifier: LGPL-2.1-or-later
#include "adapter/doctor/fake_manager.hpp"
#include "e2e/support/wait_until.hpp"
#include "faked.hpp"
#include "support/loop_until.hpp"

// Whom virtsessionctl asks, and how often; and who judges what.

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// What is called on the bus, as dbus-monitor shows it.
class Calls {
 public:
  explicit Calls(const Session& session)
      : session_(session),
        monitor_(session.command_of("dbus-monitor", {"--address", session.bus().address(), "type='method_call'"}),
                 300) {
    // It is there when it shows a call of somebody's.
    OnTerminal marker(session.command_of("sh", {"-c", "while " + mark("Ready") + "; do sleep 0.05; done"}));
    monitor_.wait_for("member=Ready");
    marker.interrupt();
    marker.wait();
    from_ = seen();
  }

  /// How many calls of a method there were until now.
  std::size_t of(const std::string& method) {
    REQUIRE(run(session_.command_of("sh", {"-c", mark("Now" + std::to_string(++marks_))})).succeeded());
    monitor_.wait_for("member=Now" + std::to_string(marks_));
    std::size_t count = 0;
    const auto text = seen();
    for (auto at = text.find("member=" + method + "\n", from_.size()); at != std::string::npos;
         at = text.find("member=" + method + "\n", at + 1))
      ++count;
    return count;
  }

 private:
  std::string mark(const std::string& method) const {
    return "dbus-send --bus='" + session_.bus().address() +
           "' --type=method_call --dest=org.freedesktop.DBus / org.example." + method;
  }
  std::string seen() const { return monitor_.screen(); }

  const Session& session_;
  OnTerminal monitor_;
  std::string from_;
  int marks_ = 0;
};

std::string with_failed_unit(Session& session, const std::string& result, const std::vector<std::string>& arguments) {
  const FakeManager systemd(session.bus(), {{"virtsessiond.service", "loaded", "failed", "enabled", result}});
  const auto outcome = session.ctl(arguments);
  CHECK(outcome.status != 0);
  return outcome.out + outcome.err;
}

}  // namespace

TEST_CASE("a verb on one VM asks for that one, and not for all of them") {
  Faked session;
  for (int i = 1; i <= 3; ++i) session.service.add(numbered(i));
  Calls calls(session);
  CHECK(session.out({"pause", "vm1"}) == "vm1: paused\n");
  CHECK(session.out({"resume", numbered(2).uuid}) == "vm2: runs on\n");
  session.out({"show", "vm1"});
  session.out({"status", "vm1"});
  session.out({"policy", "vm1"});
  session.out({"history", "vm1"});
  session.out({"enable", "vm1", "vm2"});
  CHECK(calls.of("Pause") == 1);
  CHECK(calls.of("GetManagedObjects") == 0);
  session.out({"pause", "vm*"});
  CHECK(calls.of("GetManagedObjects") == 1);
  CHECK(calls.of("Pause") == 4);
}

TEST_CASE("a libvirt that is on its way is waited for by its signals") {
  Faked session;
  session.service.add(web());
  const auto libvirt = [&](LibvirtState state) {
    session.service.on_loop([&] {
      ManagerView manager;
      manager.libvirt_state = state;
      session.service.tree->update(manager);
    });
  };
  libvirt(LibvirtState::connecting);
  Calls calls(session);
  session.out({"list"});  // as long as it waits
  CHECK(calls.of("GetAll") == 1);

  OnTerminal start(session.command({"start", "web"}));
  wait_until([&] { return calls.of("GetAll") >= 2; }, kDeadline, "it waits for libvirt");
  libvirt(LibvirtState::ready);
  CHECK(start.wait() == 0);
}

TEST_CASE("what depends on the caller's environment is judged by the caller") {
  Faked session;
  session.run_as_person();
  session.service.on_loop([&] {
    session.service.api.findings = {{"uri-default", Severity::warning, "", "what the daemon's environment makes", ""},
                                    {"uri-other-users", Severity::ok, "", "nobody", ""}};
  });
  session.environment["LIBVIRT_DEFAULT_URI"] = "qemu:///elsewhere";
  const auto row = [&](const std::string& id) {
    for (const auto& each : session.json({"doctor"}))
      if (each["id"] == id) return each;
    return nlohmann::json();
  };
  const std::string seen = "a plain virsh reaches qemu:///elsewhere, by LIBVIRT_DEFAULT_URI in the environment";
  CHECK(row("uri-default")["text"] == seen);
  CHECK(row("uri-other-users")["text"] == "nobody");
  CHECK(row("environment-folders").is_object());
  CHECK(session.out({"doctor", "--uri"}).find(seen.substr(2)) != std::string::npos);

  session.environment["LIBVIRT_DEFAULT_URI"] = "qemu:///session";
  CHECK(row("uri-default")["severity"] == "ok");
}

TEST_CASE("the history of a VM that is gone is found by its name") {
  Faked session;
  session.service.add(web());
  session.service.on_loop([&] {
    session.service.api.entries = {{1, numbered(1).uuid, "old", Phase::running, "first", ""},
                                   {2, numbered(2).uuid, "gone", Phase::running, "another of that name", ""},
                                   {3, numbered(1).uuid, "gone", Phase::inactive, "second", ""},
                                   {4, web().uuid, "web", Phase::running, "not this", ""}};
  });
  const auto reasons = [&](const std::vector<std::string>& arguments) {
    std::string text;
    for (const auto& row : session.json(arguments)) text += row["reason"].get<std::string>() + ";";
    return text;
  };
  CHECK(reasons({"history", "gone"}) == "first;second;");
  CHECK(reasons({"history", "gone", "--limit", "1"}) == "second;");
  CHECK(reasons({"history", numbered(2).uuid}) == "another of that name;");
  CHECK(session.err({"history", "goen"}, 4).find("no VM has the name or uuid \"goen\"") != std::string::npos);
}

TEST_CASE("a virtsessiond that has failed: that it has, why, and what to do") {
  Session session;
  session.run_as_person();
  const std::string what_to_do =
      "Find the cause, and when it is removed start it again:\n"
      "    journalctl --user --unit=virtsessiond --pager-end\n"
      "    systemctl --user reset-failed virtsessiond; systemctl --user start virtsessiond\n";
  CHECK(with_failed_unit(session, "signal", {}) ==
        "virtsessiond has failed: it was killed\n"
        "  No VM is started at login, restarted after a crash or stopped in order. VMs that run are not harmed.\n"
        "\nWhat to do\n  " +
            what_to_do);
  CHECK(with_failed_unit(session, "oom-kill", {"list"}) ==
        "virtsessionctl: virtsessiond has failed: memory ran out\n  " + what_to_do);
  CHECK(with_failed_unit(session, "core-dump", {"start", "web"})
            .starts_with("virtsessionctl: virtsessiond has failed: it crashed, and could not be started: "));
  CHECK(with_failed_unit(session, "exit-code", {"list"})
            .starts_with("virtsessionctl: virtsessiond has failed: it ended with an error"));
  CHECK(with_failed_unit(session, "signal", {"doctor"}).find("has failed: it was killed") != std::string::npos);
}

TEST_CASE("monitor: one sentence at the end of the session") {
  Session session;
  session.run_as_person();
  OnTerminal monitor(session.command({"monitor"}), 300);
  monitor.wait_for("waiting for it");
  session.stop_bus();
  monitor.wait_for("the session bus is gone: the session has ended");
  CHECK(monitor.wait() == 1);
}
