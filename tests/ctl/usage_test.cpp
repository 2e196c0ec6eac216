// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/support/wait_until.hpp"
#include "faked.hpp"
#include "support/loop_until.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>

// What is wrong is said, with what was meant and what to do; and the exit status says it too.

using namespace virtsession::test;

TEST_CASE("a slip of the finger gets a suggestion") {
  const Usual session;
  CHECK(session.err({"staus"}, 2) ==
        "virtsessionctl: there is no verb \"staus\"; did you mean \"status\"?\n  See:  virtsessionctl help\n");
  CHECK(session.err({"start", "web", "--pausd"}, 2) ==
        "virtsessionctl: there is no option \"--pausd\"; did you mean \"--paused\"?\n"
        "  See:  virtsessionctl help start\n");
  CHECK(session.err({"list", "--jsno"}, 2).find("did you mean \"--json\"?") != std::string::npos);
  CHECK(session.err({"start", "wbe"}, 4) ==
        "virtsessionctl: no VM has the name or uuid \"wbe\"; did you mean \"web\"?\n"
        "  Those that there are:  virtsessionctl list\n");
  CHECK(session.err({"policy", "web", "start_oder=3"}, 1) ==
        "virtsessionctl: web: /start_oder: unknown key start_oder (did you mean start_order?)\n"
        "  All keys, with what is in force:  virtsessionctl policy web\n");
  CHECK(session.err({"policy", "web", "start_oder"}, 2).find("did you mean \"start_order\"?") != std::string::npos);
}

TEST_CASE("another word is no slip of the finger") {
  Session session;
  session.define(domain("hp", "11111111-2222-3333-4444-555555555555", true));
  session.start_daemon();
  CHECK(session.err({"start", "tpm"}, 4).find("did you mean") == std::string::npos);
  CHECK(session.err({"start", "hpp"}, 4).find("did you mean \"hp\"?") != std::string::npos);
}

TEST_CASE("a command line that makes no sense is refused with status 2, before anything is done") {
  const Usual session;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"start"},
                                             {"reload", "now"},
                                             {"plan", "sto"},
                                             {"plan", "start", "--timeout", "5"},
                                             {"linger", "maybe"},
                                             {"start", "web", "--timeout", "-1"},
                                             {"start", "web", "--timeout", "soon"},
                                             {"history", "--limit", "x"},
                                             {"policy", "web", "--edit", "--clear"},
                                             {"policy", "web", "--edit", "restart=no"},
                                             {"policy", "web", "--clear", "restart=no"},
                                             {"policy", "web", "restart", "start=never"},
                                             {"policy", "web*"},
                                             {"list", "--system", "web"},
                                             {"list", "--running", "--system"},
                                             {"list", "--system", "-f"},
                                             {"list", "--system", "--quiet"},
                                             {"console"},
                                             {"console", "web*"},
                                             {"console", "web", "--with", "vncviewer"},
                                             {"console", "web", "--serial", "--with", "virt-viewer"},
                                             {"move"},
                                             {"move", "web", "--from", "here"},
                                             {"move", "web", "--resume", "--undo"},
                                             {"move", "web", "--undo", "--dry-run"},
                                             {"--frobnicate"}}) {
    const auto result = session.ctl(words);
    CHECK_MESSAGE(result.status == 2, command_line(words));
    CHECK_MESSAGE(result.out.empty(), command_line(words));
    CHECK_MESSAGE(result.err.starts_with("virtsessionctl: "), command_line(words));
  }
}

TEST_CASE("a VM that is not there: status 4, all of them named, and nothing done to the others") {
  const Usual session;
  const auto text = session.err({"start", "db", "nobody", "x*"}, 4);
  CHECK(text.find("no VM has the name or uuid \"nobody\"; no VM's name fits \"x*\"") != std::string::npos);
  CHECK(session.out({"show", "db", "-p", "State"}) == "shut-off\n");
  // A verb's name is a good name for a VM.
  CHECK(session.err({"start", "list"}, 4).find("\"list\"") != std::string::npos);
}

TEST_CASE("virtsessiond does not run: those that look say so and start nothing, those that do start it") {
  Session session;
  session.define(usual_domains());
  session.offer_daemon();
  session.run_as_person();
  CHECK(session.out({}, 3) == R"(virtsessiond does not run
  No VM is started at login, restarted after a crash or stopped in order. VMs that run are not harmed.

What to do
  Turn it on, now and at every login:
    systemctl --user enable --now virtsessiond
)");
  CHECK(session.json({"status"}, 3)["running"] == false);
  const std::string off =
      "virtsessionctl: virtsessiond does not run\n"
      "  Turn it on, now and at every login:\n"
      "    systemctl --user enable --now virtsessiond\n";
  CHECK(session.err({"list"}, 3) == off);
  CHECK(session.err({"show", "web"}, 3) == off);
  CHECK(session.err({"plan"}, 3) == off);
  CHECK(session.err({"history"}, 3) == off);
  CHECK(session.err({"policy", "web"}, 3) == off);
  CHECK(session.err({"linger"}, 3) == off);
  CHECK(session.out({"version"}) == "virtsessionctl 0.1.0\nvirtsessiond does not run\n");
  CHECK(session.out({"doctor"}, 1).find("systemctl --user enable --now virtsessiond") != std::string::npos);
  CHECK(session.out({"__complete", "start", ""}).empty());
  CHECK(session.out({}, 3).starts_with("virtsessiond does not run"));  // still

  const auto result = session.ctl({"start", "db"});
  CHECK(result.status == 0);
  CHECK(result.out == "db: started\n");
  CHECK(result.err == "virtsessiond was not running and has been started.\n");
  CHECK(session.out({"show", "db", "-p", "State"}) == "running\n");
}

TEST_CASE("a virtsessiond that cannot be started, and no bus at all: what to do") {
  Session session;
  session.define(usual_domains());
  session.run_as_person();
  const auto text = session.err({"start", "db"}, 3);
  CHECK(text.find("could not be started") != std::string::npos);
  CHECK(text.find("journalctl --user -u virtsessiond") != std::string::npos);
  session.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent";
  CHECK(session.err({"list"}, 1).find("sudo and su give no session") != std::string::npos);
}

TEST_CASE("root: every verb says that root has no session libvirt, and advises nothing" *
          doctest::skip(geteuid() != 0)) {
  Session session;
  const std::string text =
      "virtsessionctl: root has no session libvirt, since qemu:///session of root is the system's: virtsession is for "
      "the other users, each with VMs of their own\n";
  for (const bool bus : {true, false}) {
    if (!bus) session.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent";
    for (const auto& words : std::vector<std::vector<std::string>>{
             {}, {"list"}, {"start", "web"}, {"plan"}, {"monitor"}, {"doctor"}, {"doctor", "--uri"}}) {
      const auto result = session.ctl(words);
      INFO(command_line(words));
      CHECK(result.status == 1);
      CHECK(result.out.empty());
      CHECK(result.err == text);
    }
  }
}

TEST_CASE("virtsessiond does not answer: doctor finds what needs no virtsessiond, and that it does not answer") {
  Usual session;
  session.freeze_daemon();
  const auto begun = std::chrono::steady_clock::now();
  const auto rows = session.json({"doctor"}, 1);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
  CHECK(rows[0]["id"] == "daemon-running");
  CHECK(rows[0]["severity"] == "problem");
  CHECK(rows[0]["text"].get<std::string>().starts_with("virtsessiond does not answer: "));
  CHECK(rows[0]["fix"] == "systemctl --user restart virtsessiond");
  CHECK(rows.size() > 20);

  session.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent";
  session.run_as_person();
  const auto lost = session.json({"doctor"}, 1);
  CHECK(lost[0]["text"].get<std::string>().starts_with("virtsessiond cannot be asked: no session bus"));
  CHECK(lost.size() > 20);
}

TEST_CASE("no connection to libvirt: the reason, and where to look") {
  Session session;  // without a file for libvirt to read
  session.run_as_person();
  session.offer_daemon();
  const auto text = session.err({"start", "db"}, 1);
  CHECK(text.find("no connection to libvirt: ") != std::string::npos);
  CHECK(text.find("virtsessionctl doctor") != std::string::npos);
  const auto status = session.out({});
  CHECK(status.find("There is no connection to libvirt: ") != std::string::npos);
}

TEST_CASE("virtsessiond --check-config shows nothing that a terminal would obey") {
  const Session session;
  const auto file = session.folder() / "config.json";
  std::ofstream(file) << "{\"\\u001b[31mred\": 1, \"\\u202eturned\": 2, \"\\u009bc1\": 3}";
  const auto result = run(session.command_of(VIRTSESSIOND, {"--check-config", file.string()}));
  CHECK(result.status == 78);
  CHECK(!has_controls(result.err));
  CHECK(result.err.find(R"(unknown key \x1b[31mred)") != std::string::npos);
  CHECK(result.err.find(R"(unknown key \u202eturned)") != std::string::npos);
  std::ofstream(file) << "{\"\xff\x1b\": 1}";
  CHECK(!has_controls(run(session.command_of(VIRTSESSIOND, {"--check-config", file.string()})).err));
}

TEST_CASE("output that cannot be written is a failure") {
  const Usual session;
  const auto words = session.command_of("sh", {"-c", std::string(VIRTSESSIONCTL) + " list > /dev/full"});
  CHECK(run(words).status == 1);
}
