// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <fstream>

// In the real shells.

using namespace virtsession::test;

namespace {

struct WithShells : Session {
  WithShells() {
    define(usual_domains() + domain("my vm", "61111111-2222-3333-4444-555555555555", false));
    start_daemon();
  }
  std::string shell(const std::string& program, const std::vector<std::string>& arguments) const {
    const auto result = run(command_of(program, arguments));
    CHECK_MESSAGE(result.status == 0, result.err);
    return result.out;
  }
};

/// What bash would offer for a line, one a line.
std::string in_bash(const WithShells& session, const std::string& line) {
  const std::string folder = VIRTSESSION_COMPLETIONS;
  return session.shell("bash",
                       {"-c",
                        "source /usr/share/bash-completion/bash_completion; compopt() { :; }; source " + folder +
                            "/virtsessionctl.bash\n"
                            "COMP_LINE=$1 COMP_POINT=${#1}\n"
                            // readline's own way to cut a line into words
                            "COMP_WORDS=(); COMP_TYPE=9; COMP_KEY=9\n"
                            "while read -r word; do COMP_WORDS+=(\"$word\"); done <<<\"$2\"\n"
                            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                            "_virtsessionctl; printf '%s\\n' \"${COMPREPLY[@]}\"",
                        "bash", line, [&] {
                          std::string words = line;
                          for (auto at = words.find(' '); at != std::string::npos; at = words.find(' ', at))
                            words[at] = '\n';
                          for (auto at = words.find('='); at != std::string::npos; at = words.find('=', at + 3))
                            words.replace(at, 1, "\n=\n");
                          return words;
                        }()});
}

std::string in_fish(const WithShells& session, const std::string& line) {
  return session.shell("fish", {"--no-config", "-c",
                                "source " + std::string(VIRTSESSION_COMPLETIONS) +
                                    "/virtsessionctl.fish; complete --do-complete '" + line + "'"});
}

}  // namespace

TEST_CASE("what may follow: verbs, options, values, and VMs that the verb is for") {
  const WithShells session;
  CHECK(session.out({"__complete", "sta"}) ==
        "status\tWhat runs, what does not and why, and what to do (the default)\n"
        "start\tStart VMs; from their saved state if they have one\n"
        "start-all\tStart the marked VMs as at login\n");
  CHECK(session.out({"__complete", "start", ""}) == "db\tshut-off\nmail\tshut-off\nmy vm\tshut-off\n");
  CHECK(session.out({"__complete", "start", "db", ""}) == "mail\tshut-off\nmy vm\tshut-off\n");
  CHECK(session.out({"__complete", "--json", "shutdown", "w"}) == "web\trunning\nweb2\trunning\n");
  CHECK(session.out({"__complete", "resume", ""}).empty());
  CHECK(session.out({"__complete", "start", "--pa"}) == "--paused\tLeave the guest paused; 'resume' lets it run\n");
  CHECK(session.out({"__complete", "shutdown", "--timeout", ""}).empty());
  CHECK(session.out({"__complete", "show", "web", "--property", "PhaseR"}) == "PhaseReason\n");
  CHECK(session.out({"__complete", "policy", "web", "start_or"}) == "start_order=\t-1000000 to 1000000\n");
  CHECK(session.out({"__complete", "policy", "web", "restart=o"}) == "restart=on-failure\n");
  CHECK(session.out({"__complete", "policy", "web", "stop_actions=save,pow"}) == "stop_actions=save,poweroff\n");
  CHECK(session.out({"__complete", "policy", "web", "stop_order"}) == "stop_order=\t-1000000 to 1000000\n");
  CHECK(session.out({"__complete", "plan", ""}) == "start\tas at login\nstop\tas at logout\n");
  CHECK(session.out({"__complete", "move", "d"}) == "db\tshut-off\n");
  CHECK(session.out({"__complete", "move", "db", ""}).empty());
  CHECK(session.out({"__complete", "move", "db", "--from", "s"}) == "system\nsession\n");
  CHECK(session.out({"__complete", "move", "db", "--network", ""}) == "user\npasst\nbridge:\n");
  CHECK(session.out({"__complete", "ports", "d"}) == "db\tshut-off\n");
  CHECK(session.out({"__complete", "ports", "db", "+"}) == "+auto:22\ta free port for its sshd\n+auto:\ta free port\n");
  session.out({"policy", "db", "ports=2222:22,auto:80"});
  CHECK(session.out({"__complete", "ports", "db", "-2"}) == "-2222:22\tremove it\n");
  CHECK(session.out({"__complete", "ports", "db", "--js"}).starts_with("--json\t"));
  CHECK(session.out({"__complete", "address", "we"}) == "web\trunning\nweb2\trunning\n");
  CHECK(session.out({"__complete", "ssh", "we"}) == "web\trunning\nweb2\trunning\n");
  CHECK(session.out({"__complete", "ssh", "root@we"}) == "root@web\trunning\nroot@web2\trunning\n");
  CHECK(session.out({"__complete", "ssh", "web", "--", ""}).empty());
  CHECK(session.out({"__complete", "ssh", "web", "--", "--st"}).empty());
  CHECK(session.out({"__complete", "console", "my"}) == "my vm\tshut-off\n");
  CHECK(session.out({"__complete", "console", "web", ""}).empty());
  CHECK(session.out({"__complete", "console", "--with", "virt-v"}) == "virt-viewer\n");
  CHECK(session.out({"__complete", "list", "--sys"}) ==
        "--system\tThe VMs of qemu:///system instead, which can be moved here\n");
  CHECK(session.out({"__complete", "help", "resu"}) == "resume\tLet paused guests run on\n");
  CHECK(session.out({"__complete", "frobnicate", ""}).empty());
  CHECK(session.out({"__complete"}).empty());
  session.out({"enable", "db"});
  CHECK(session.out({"__complete", "disable", ""}) == "db\tshut-off\n");
}

TEST_CASE("bash") {
  const WithShells session;
  CHECK(in_bash(session, "virtsessionctl restart") == "restart-libvirt\n");
  CHECK(in_bash(session, "virtsessionctl shutdown w") == "web\nweb2\n");
  CHECK(in_bash(session, "virtsessionctl start m") == "mail\nmy\\ vm\n");
  CHECK(in_bash(session, "virtsessionctl policy web restart=on") == "on-failure\n");
  CHECK(in_bash(session, "virtsessionctl start my\\") == "my\\ vm\n");
  CHECK(in_bash(session, "virtsessionctl start \"my") == "my vm\n");
  CHECK(in_bash(session, "virtsessionctl policy web start_ord") == "start_order=\n");
  CHECK(in_bash(session, "virtsessionctl move db --dry") == "--dry-run\n");
}

TEST_CASE("zsh") {
  const WithShells session;
  OnTerminal shell(session.command_of("zsh", {"-f", "-i"}));
  shell.type("PS1='ready> '; fpath=(" VIRTSESSION_COMPLETIONS
             " $fpath); autoload -U compinit; compinit -D -u; "
             "echo is-$((1 + 1))\n");
  shell.wait_for("is-2");
  shell.wait_for("ready> ");
  shell.type("virtsessionctl restart-\t");
  shell.wait_for("restart-libvirt");
  shell.type("\x15virtsessionctl policy we\x1b[D\x1b[Cb restart=on\t");
  shell.wait_for("restart=on-failure");
  shell.type("\x15virtsessionctl start my\t");
  shell.wait_for("my\\ vm");
  shell.type("\x15virtsessionctl shutdown web\t\t");
  shell.wait_for("web2  -- running");
  shell.type("\x15virtsessionctl move db --network pas\t");
  shell.wait_for("--network passt");
}

TEST_CASE("fish") {
  const WithShells session;
  CHECK(in_fish(session, "virtsessionctl restart") == "restart-libvirt\tRestart the libvirt daemon; VMs run on\n");
  CHECK(in_fish(session, "virtsessionctl start ") == "db\tshut-off\nmail\tshut-off\nmy vm\tshut-off\n");
  CHECK(in_fish(session, "virtsessionctl policy web restart=on") == "restart=on-failure\n");
  CHECK(in_fish(session, "virtsessionctl move db --from sy") == "system\n");
}
