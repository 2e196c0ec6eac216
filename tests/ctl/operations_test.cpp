// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"
#include "util/file_lock.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

// What verbs do to VMs, and what they say of it.

using namespace virtsession::test;
using nlohmann::json;

namespace {

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> found;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size());
    found.insert(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

}  // namespace

TEST_CASE("each verb does what it says, and says what it did") {
  const Usual session;
  CHECK(session.out({"start", "db"}) == "db: started\n");
  CHECK(session.out({"start", "db"}) == "db: runs already\n");
  CHECK(session.out({"pause", "db"}) == "db: paused\n");
  CHECK(session.state("db") == "paused\n");
  CHECK(session.out({"resume", "db"}) == "db: runs on\n");
  CHECK(session.state("db") == "running\n");
  CHECK(session.out({"save", "db"}) == "db: saved\n");
  CHECK(session.state("db") == "shut-off\n");
  CHECK(session.out({"show", "db", "-p", "ManagedSave"}) == "true\n");
  CHECK(session.out({"save", "db"}) == "db: is saved already\n");
  CHECK(session.out({"start", "db"}) == "db: goes on from its saved state\n");
  CHECK(session.out({"shutdown", "db", "--timeout", "20"}) == "db: is off\n");
  CHECK(session.out({"shutdown", "db"}) == "db: is off already\n");
  CHECK(session.out({"start", "db"}) == "db: started\n");
  CHECK(session.out({"stop", "db"}) == "db: is off\n");
  CHECK(session.out({"stop", "db"}) == "db: is off already\n");
  CHECK(session.out({"poweroff", "web"}) == "web: powered off\n");
  CHECK(session.out({"poweroff", "--graceful", "web2"}) == "web2: powered off\n");
  CHECK(session.state("web2") == "shut-off\n");
  CHECK(session.out({"start", "--no-block", "db"}) == "db: is starting\n");
  CHECK(session.out({"reset-failed", "db"}) == "db: its failures are forgotten\n");
  CHECK(session.out({"start", "web"}) == "web: started\n");
  CHECK(session.out({"reboot", "web"}) == "web: was asked to reboot\n");
}

TEST_CASE("stop goes by the policy, and fails for a VM that it leaves running") {
  const Usual session;
  CHECK(session.out({"start", "db"}) == "db: started\n");
  CHECK(session.out({"policy", "db", "stop_actions=save,poweroff"}) != "");
  CHECK(session.out({"stop", "db"}) == "db: is off, and saved\n");
  CHECK(session.out({"show", "db", "-p", "Intent"}) == "down\n");
  CHECK(session.out({"policy", "web", "stop_actions=leave"}) != "");
  CHECK(session.err({"stop", "web"}, 1) ==
        "virtsessionctl: web: failed to stop: VM \"web\" is left running, as its policy says (stop_actions)\n"
        "  More:  virtsessionctl logs web\n");
  CHECK(session.state("web") == "running\n");
}

TEST_CASE("names, uuids and patterns; several at once, each with its line") {
  const Usual session;
  CHECK(lines(session.out({"start", "db", "31111111-2222-3333-4444-555555555555", "db"})) ==
        std::set<std::string>{"db: started", "mail: started"});
  CHECK(lines(session.out({"shutdown", "web*", "41111111-2222-3333-4444-555555555555"})) ==
        std::set<std::string>{"web: is off", "web2: is off"});
  CHECK(lines(session.out({"poweroff", "*"})) ==
        std::set<std::string>{"db: powered off", "mail: powered off", "web: is off already", "web2: is off already"});
}

TEST_CASE("what fails for one VM is told with libvirt's words, and the others go on") {
  const Usual session;
  const auto result = session.ctl({"pause", "db", "web"});
  CHECK(result.status == 1);
  CHECK(result.out == "web: paused\n");
  CHECK(result.err.starts_with("virtsessionctl: db: failed to pause: "));
  CHECK(result.err.find("not running") != std::string::npos);
  CHECK(result.err.find("virtsessionctl logs db") != std::string::npos);
  CHECK(session.err({"restart-libvirt"}, 1).find("is not managed by virtsession") != std::string::npos);
}

TEST_CASE("enable and disable: the mark, and on demand the VM") {
  const Usual session;
  CHECK(session.out({"enable", "db"}) == "db: starts at login from now on\n");
  CHECK(session.out({"show", "db", "-p", "Autostart"}) == "true\n");
  CHECK(session.state("db") == "shut-off\n");
  CHECK(session.out({"enable", "--now", "mail"}) == "mail: starts at login from now on, and runs\n");
  CHECK(session.state("mail") == "running\n");
  CHECK(session.out({"disable", "mail"}) == "mail: does not start at login any more; it runs on now\n");
  CHECK(session.out({"disable", "--now", "mail"}) == "mail: does not start at login any more, and is off\n");
  CHECK(session.state("mail") == "shut-off\n");
  CHECK(session.out({"show", "mail", "-p", "Autostart"}) == "false\n");
}

TEST_CASE("start-all does what plan says") {
  const Usual session;
  session.out({"enable", "db", "mail"});
  CHECK(session.out({"start-all"}) == "Everything marked runs.\n");
  CHECK(session.state("db") == "running\n");
  CHECK(session.state("mail") == "running\n");
}

TEST_CASE("a time that is up ends the waiting and not the work") {
  const Usual session;
  session.out({"policy", "db", "start_delay_sec=2"});
  session.out({"enable", "db"});
  const auto text = session.err({"start-all", "--timeout", "0.2"}, 1);
  CHECK(text.find("not done yet; it goes on") != std::string::npos);
  CHECK(text.find("virtsessionctl status") != std::string::npos);
  CHECK(session.out({"show", "db", "-p", "Phase"}) == "waiting\n");
  CHECK(session.out({"start-all"}) == "Everything marked runs.\n");
}

TEST_CASE("monitor tells every change, also of a virtsessiond that comes and goes") {
  Usual session;
  OnTerminal all(session.command({"monitor"}), 200);
  OnTerminal some(session.command({"monitor", "--json", "web*"}), 1000);
  all.wait_for("Waiting for changes");
  some.wait_for("Waiting for changes");
  session.out({"pause", "web"});
  all.wait_for("web\x1b[0m: paused: paused by");
  some.wait_for("\"State\":\"paused\"");
  session.out({"start", "db"});
  all.wait_for("db\x1b[0m: running: started");
  session.out({"resume", "web"});
  some.wait_for("\"State\":\"running\"");
  CHECK(some.screen().find("db") == std::string::npos);
  session.stop_daemon();
  all.wait_for("virtsessiond stopped");
  session.start_daemon();
  all.wait_for("virtsessiond started");
  all.wait_for("web2\x1b[0m: is there: running");
  session.out({"pause", "web"});
  some.wait_for("\"event\":\"daemon-started\"");
  some.wait_for("\"event\":\"added\"");
  some.wait_for("\"State\":\"paused\"");
  some.interrupt();
  CHECK(some.wait() == 0);
  all.interrupt();
  CHECK(all.wait() == 0);
  for (const auto& line : lines(some.screen()))
    if (line.starts_with("{")) CHECK(json::parse(line).contains("event"));
}

TEST_CASE("logs hands over to journalctl, with the VM's uuid and everything else as it was given") {
  Usual session;
  session.run_as_person();
  const auto tools = session.folder() / "tools";
  session.environment["PATH"] = tools.string() + ":" + session.environment["PATH"];
  REQUIRE(run({"sh", "-c",
               "mkdir " + tools.string() + " && printf '#!/bin/sh\\nprintf \"%%s|\" \"$@\"' > " +
                   (tools / "journalctl").string() + " && chmod +x " + (tools / "journalctl").string()})
              .succeeded());
  CHECK(session.out({"logs", "web", "-f", "-n", "20", "--since=today"}) ==
        "--user|VIRTSESSION_VM_UUID=11111111-2222-3333-4444-555555555555|-f|-n|20|--since=today|");
  CHECK(session.out({"logs"}) == "--user|--unit=virtsessiond|");
  CHECK(session.err({"logs", "wbe"}, 4).find("did you mean \"web\"?") != std::string::npos);
  session.stop_daemon();
  CHECK(session.out({"logs", "web"}) == "--user|VIRTSESSION_VM=web|");
}

TEST_CASE("a move that was cut off: status says how to go on, but not while a move runs") {
  Session session;
  session.define(domain("web", "11111111-2222-3333-4444-555555555555", false));
  session.start_daemon();
  const auto folder = session.folder() / "state/virtsession/move";
  std::filesystem::create_directories(folder / "11111111-2222-3333-4444-555555555555");
  std::ofstream(folder / "11111111-2222-3333-4444-555555555555/journal.json") << R"({"plan": {"name": "web"}})";
  const auto tells_of_it = [&] {
    return session.out({"status"}).find("virtsessionctl move web --undo   # take it back\n") != std::string::npos;
  };
  CHECK(tells_of_it());
  const virtsession::UniqueFd lock(open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  CHECK(tells_of_it());  // the file stays when the program that had the lock is gone
  REQUIRE(virtsession::lock_file(lock.get()));
  CHECK_FALSE(tells_of_it());
}

TEST_CASE("a VM that is being moved is not started, and status says which command ends that") {
  Session session;
  session.define(domain("web", "11111111-2222-3333-4444-555555555555", false,
                        "<metadata><m:move xmlns:m='https://virtsession.org/move/1'>leaving</m:move></metadata>"));
  session.start_daemon();
  CHECK(session.err({"start", "web"}, 1).find("it is being moved to qemu:///system") != std::string::npos);
  CHECK(session.out({"status"}).find("\"virtsessionctl move web --undo\"") != std::string::npos);
  CHECK(session.out({"start-all"}).find("web") == std::string::npos);
  CHECK(session.out({"list"}).find("web   shut-off  inactive") != std::string::npos);
}
