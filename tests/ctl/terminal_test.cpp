// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

#include <algorithm>

// What a terminal gets and a pipe does not, and what neither gets.

using namespace virtsession;
using namespace virtsession::test;

namespace {

std::string on_terminal(const Session& session, const std::vector<std::string>& arguments, unsigned short columns = 100,
                        int status = 0) {
  OnTerminal terminal(session.command(arguments), columns);
  CHECK(terminal.wait() == status);
  return terminal.screen();
}

/// A VM with everything in its texts that a terminal would obey.
VmView evil() {
  auto vm = numbered(66);
  vm.name = "a\x1b[31mb\nc\u202e";
  vm.title = "\x1b]0;owned\x07\u061c";
  vm.phase_reason = "\x1b[2J\u009b2J\ttab";
  vm.last_error = "\r\x7f";
  vm.policy = with(vm.policy, "start_ready", "\x1b[5m");
  vm.policy_overrides = with(vm.policy_overrides, "start_ready", "\x1b[5m");
  vm.policy_problems = {{"/\x1b[1m", "\x1b[1m", "\x1b[1m"}};
  vm.networks = {{"bridge", "\x1b[1m", "\x1b[1m"}};
  return vm;
}

}  // namespace

TEST_CASE("a terminal shows colours, symbols and short reasons; a pipe gets plain and whole text") {
  Session session;
  session.define(usual_domains());
  session.start_daemon();
  session.out({"shutdown", "web"});
  const auto shown = on_terminal(session, {"list", "web*"});
  CHECK(shown ==
        "  \x1b[1mNAME\x1b[0m  \x1b[1mSTATE\x1b[0m     \x1b[1mPHASE\x1b[0m     \x1b[1mAUTOSTART\x1b[0m  "
        "\x1b[1mSINCE\x1b[0m  \x1b[1mREASON\x1b[0m\n"
        "\x1b[2m○\x1b[0m \x1b[1mweb\x1b[0m   shut-off  \x1b[2minactive\x1b[0m  no         -      shut down\n"
        "\x1b[32m●\x1b[0m \x1b[1mweb2\x1b[0m  running   \x1b[32mrunning\x1b[0m   no         -      running\n");
  CHECK(on_terminal(session, {"list", "web"}, 54).find("-      shut do…") != std::string::npos);
  CHECK(!has_controls(session.out({"list"})));
  CHECK(!has_controls(session.out({})));
  CHECK(on_terminal(session, {}).find("\x1b[32m● \x1b[0mvirtsessiond") == 0);
  CHECK(on_terminal(session, {"start", "web"}) == "\x1b[32m✓ \x1b[0mweb: started\n");
}

TEST_CASE("NO_COLOR and TERM=dumb are honoured, and so is a locale without UTF-8") {
  Session session;
  session.define(usual_domains());
  session.start_daemon();
  session.environment["NO_COLOR"] = "1";
  const auto plain = on_terminal(session, {"list"});
  CHECK(!has_controls(plain));
  CHECK(plain.find("● web ") != std::string::npos);
  session.environment.erase("NO_COLOR");
  session.environment["TERM"] = "dumb";
  CHECK(!has_controls(on_terminal(session, {"list"})));
  session.environment["TERM"] = "xterm";
  session.environment["LANG"] = "C";
  const auto ascii = on_terminal(session, {"list"});
  CHECK(ascii.find("\x1b[32m*\x1b[0m \x1b[1mweb") != std::string::npos);
  CHECK(std::ranges::all_of(ascii, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

TEST_CASE("control characters of others never reach the output") {
  Faked session;
  session.service.add(evil());
  session.service.on_loop([&] {
    session.service.api.plan = {{1, evil().uuid, evil().name, "start", "\x1b[31m"}};
    session.service.api.entries = {{1, evil().uuid, evil().name, Phase::running, "\x1b[31m", "\x1b[31m\n"}};
    session.service.api.outcome = Error{ErrorCode::operation_failed, "no \x1b[31m\nway"};
  });
  session.environment["NO_COLOR"] = "1";  // what is left is theirs
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"list"},
                                                                 {"show", "a*"},
                                                                 {"show", "a*", "-p", "Name"},
                                                                 {"status", "a*"},
                                                                 {"policy", "a*"},
                                                                 {"policy", "a*", "start_ready"},
                                                                 {"plan"},
                                                                 {"history"},
                                                                 {"history", "a*"},
                                                                 {"list", "--json"}}) {
    const auto shown = on_terminal(session, words);
    CHECK_MESSAGE(!has_controls(shown), command_line(words));
    CHECK_MESSAGE(!shown.empty(), command_line(words));
    if (!words.empty() && words.back() == "Name") continue;
    CHECK_MESSAGE(!has_controls(session.out(words)), command_line(words));
  }
  const auto list = session.out({"list"});
  CHECK(std::ranges::count(list, '\n') == 2);  // a line for a VM
  CHECK(list.find(R"(a\x1b[31mb\nc\u202e)") != std::string::npos);
  // A command that a person copies names the VM by what can be typed.
  CHECK(session.out({}).find("virtsessionctl policy " + evil().uuid) != std::string::npos);
  const auto failed = on_terminal(session, {"pause", "a*"}, 100, 1);
  CHECK(failed.find(R"(failed to pause: no \x1b[31m\nway)") != std::string::npos);
  CHECK(!has_controls(failed));
  CHECK(session.out({"show", "a*", "-p", "Name"}) == evil().name + "\n");  // a script gets it as it is
  CHECK(session.out({"__complete", "start", ""}).empty());
}

TEST_CASE("a monitor shows no control characters of others either, and no line without text") {
  Faked session;
  session.environment["NO_COLOR"] = "1";
  auto vm = evil();
  session.service.add(vm);
  session.service.add(web());
  OnTerminal monitor(session.command({"monitor"}), 300);
  monitor.wait_for("Waiting for changes");
  vm.last_error = "\x1b[31m\u202e";
  session.service.update(vm);
  monitor.wait_for(R"(LastError: \x1b[31m\u202e)");
  auto other = web();
  other.policy = with(other.policy, "start_order", 6);  // of which a line tells nothing
  session.service.update(other);
  other.phase_reason = "ready";
  session.service.update(other);
  monitor.wait_for("web: waiting-ready: ready");
  monitor.interrupt();
  CHECK(monitor.wait() == 0);
  CHECK(!has_controls(monitor.screen()));
  CHECK(monitor.screen().find("web: \n") == std::string::npos);
}

TEST_CASE("progress: what a VM is doing while it is waited for, a bar for a save, and nothing of it in a pipe") {
  Faked session;
  auto vm = web();
  session.service.add(vm);
  session.hold();
  OnTerminal terminal(session.command({"save", "web"}));
  session.service.wait_for_requests(1);
  vm.phase = Phase::saving;
  vm.phase_reason = "being saved for somebody";
  session.service.update(vm);
  terminal.wait_for("… web: saving, being saved for somebody (");
  vm.phase_reason = "being saved (12 %)";  // a text is for people
  vm.progress = 45;
  session.service.update(vm);
  terminal.wait_for("… web: saving [█████████░░░░░░░░░░░] 45 % (");
  session.answer();
  terminal.wait_for("\r\x1b[K");
  terminal.wait_for("web: saved");
  CHECK(terminal.wait() == 0);
  session.service.on_loop([&] { session.service.api.answers = FakeApi::Answer::at_once; });
  CHECK(session.ctl({"save", "web"}).err.empty());
}

TEST_CASE("progress: of several, those that are not done") {
  Faked session;
  for (int i = 1; i <= 3; ++i) session.service.add(numbered(i));
  session.hold();
  OnTerminal terminal(session.command({"reboot", "vm1", "vm2", "vm3"}));
  session.service.wait_for_requests(3);
  terminal.wait_for(", and 2 more; 0 of 3 done");
  session.answer();
  terminal.wait_for("was asked to reboot");
}

TEST_CASE("a transient VM that was started and is gone at once was started") {
  Faked session;
  session.service.add(numbered(1));
  session.hold();
  OnTerminal terminal(session.command({"start", "vm1"}));
  session.service.wait_for_requests(1);
  session.service.on_loop([&] {
    session.service.api.vms.clear();
    session.service.tree->remove(numbered(1).uuid);
  });
  session.answer();
  terminal.wait_for("vm1: ");
  CHECK(terminal.wait() == 0);
}

TEST_CASE("Ctrl-C ends the waiting, and says that the work goes on") {
  Faked session;
  session.service.add(web());
  session.hold();
  OnTerminal terminal(session.command({"save", "web"}));
  session.service.wait_for_requests(1);
  terminal.interrupt();
  terminal.wait_for("interrupted; what was asked for goes on");
  CHECK(terminal.wait() == 130);
}

TEST_CASE("each failure comes with what to do about it") {
  Faked session;
  session.service.add(web());
  const auto fail_with = [&](ErrorCode code) {
    session.service.on_loop([&] { session.service.api.outcome = Error{code, "it is so"}; });
    return session.err({"shutdown", "web"}, 1);
  };
  CHECK(fail_with(ErrorCode::timed_out) ==
        "virtsessionctl: web: failed to shut down: it is so\n"
        "  The guest did not obey; it still runs. To stop it without its help:\n"
        "    virtsessionctl save web      keeps what it has in memory\n"
        "    virtsessionctl poweroff web  as pulling the plug does\n");
  CHECK(fail_with(ErrorCode::busy).find("virtsessionctl status web") != std::string::npos);
  CHECK(fail_with(ErrorCode::operation_failed).find("virtsessionctl logs web") != std::string::npos);
  CHECK(fail_with(ErrorCode::libvirt_unavailable).find("virtsessionctl doctor") != std::string::npos);
  CHECK(fail_with(ErrorCode::internal).find("journalctl --user -u virtsessiond") != std::string::npos);
}

TEST_CASE("a VM that gave up: status says why, and what to do") {
  Faked session;
  auto vm = web();
  vm.phase = Phase::gave_up;
  vm.state = DomainState::shut_off;
  vm.phase_reason = "failed to start: no space left";
  vm.policy_problems.clear();
  session.service.add(vm);
  const auto text = session.out({});
  CHECK(text.find("web gave up: failed to start: no space left\n"
                  "    virtsessionctl logs web\n"
                  "    virtsessionctl start web   # when the cause is gone\n") != std::string::npos);
  CHECK(session.out({"list", "--failed", "-q"}) == "web\n");
  CHECK(on_terminal(session, {"list"}).find("\x1b[1;31m✗\x1b[0m") != std::string::npos);
}

TEST_CASE("the options of verbs reach virtsessiond") {
  Faked session;
  session.service.add(web());
  CHECK(session.out({"start", "web", "--paused", "--force-boot", "--bypass-cache", "--no-block"}) ==
        "web: runs already\n");
  session.out({"shutdown", "web", "--timeout", "2.5", "--no-block"});
  session.out({"save", "web", "--bypass-cache"});
  session.out({"poweroff", "web", "--graceful"});
  session.out({"enable", "web", "--once"});
  session.out({"start-all", "--no-block"});
  const auto requests = session.service.on_loop([&] { return session.service.api.requests; });
  REQUIRE(requests.size() == 5);
  CHECK(requests[0].paused);
  CHECK(requests[0].force_boot);
  CHECK(requests[0].bypass_cache);
  CHECK(!requests[0].wait);
  CHECK(requests[1].timeout == std::chrono::milliseconds(2500));
  CHECK(!requests[1].wait);
  CHECK(requests[2].bypass_cache);
  CHECK(requests[3].graceful);
  CHECK(requests[4].kind == RequestKind::set_autostart_once);
  CHECK(requests[4].enable);
  CHECK(session.service.on_loop([&] { return session.service.api.calls; }) == std::vector<std::string>{"autostart"});
}

TEST_CASE("stop-all, plan stop, linger and doctor: what virtsessiond is asked, and what it says") {
  Faked session;
  session.service.add(web());
  session.service.on_loop([&] {
    session.service.api.plan = {{1, web().uuid, "web", "shutdown", "60 s, then save"}};
    ManagerView manager;
    manager.libvirt_state = LibvirtState::ready;
    manager.linger = true;
    session.service.tree->update(manager);
  });
  CHECK(session.out({"stop-all"}) == "All VMs are stopped as planned.\n");
  CHECK(session.out({"stop-all", "--timeout", "2.5", "--no-block"}) == "The VMs are being stopped.\n");
  CHECK(session.out({"plan", "stop", "--timeout", "5"}) ==
        "WAVE  NAME  DECISION  REASON\n1     web   shutdown  60 s, then save\n");
  CHECK(session.out({"linger"}) == "on: your VMs start when the machine boots, and run on when you log out\n");
  CHECK(session.json({"linger"}) == nlohmann::json{{"linger", true}});
  CHECK(session.out({"linger", "off"}).find("are stopped when you log out") != std::string::npos);
  CHECK(session.out({"doctor"}, 1) == "problem  web: broken\n         mend it\n");
  CHECK(session.json({"doctor"}, 1)[0]["fix"] == "mend it");
  CHECK(session.service.on_loop([&] { return session.service.api.calls; }) ==
        std::vector<std::string>{"stop_all wait", "stop_all 2500", "plan_stop 5000", "set_linger off interactive"});
}
