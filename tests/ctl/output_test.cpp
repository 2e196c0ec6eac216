// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <regex>
#include <sstream>

// What verbs print in a pipe, whole.

using namespace virtsession::test;

TEST_CASE("without a verb, on a first run: what there is, and how to begin") {
  const Usual session;
  auto text = session.out({});
  const auto libvirt = text.find("libvirtd ") + 9;
  text.replace(libvirt, text.find(',', libvirt) - libvirt, "VERSION");
  CHECK(text == R"(virtsessiond 0.1.0 is up
  libvirt    libvirtd VERSION, ready: connected (not managed by virtsession)
  autostart  done: everything that should run does
  VMs        4: 2 inactive, 2 running

NAME  STATE     AUTOSTART  SINCE  WHY
db    shut-off  no                off
mail  shut-off  no                off
web   running   no                running
web2  running   no                running

What to do
  No VM is marked to start at login. To mark one:
    virtsessionctl enable db
    virtsessionctl plan   # what a login does
)");
  CHECK(session.out({"status"}) == session.out({}));
}

TEST_CASE("without a VM, status says how people make one") {
  Session session;
  session.define(domain("only", "11111111-2222-3333-4444-555555555555", false));
  session.start_daemon();
  const auto before = session.out({});
  CHECK(before.find("virt-install") == std::string::npos);
  session.stop_daemon();
  session.define("");
  session.start_daemon();
  const auto text = session.out({});
  CHECK(text.find("There is no virtual machine of yours yet") != std::string::npos);
  CHECK(text.find("virt-install --connect qemu:///session") != std::string::npos);
  CHECK(text.find("\n    virt-manager --connect qemu:///session\n") != std::string::npos);
  CHECK(text.find("GNOME Boxes") != std::string::npos);
  CHECK(session.out({"list"}).empty());
}

TEST_CASE("status names each mistake and the command against it") {
  Session session;
  session.define(
      domain("a", "11111111-2222-3333-4444-555555555555", false, policy_metadata(R"({"start_oder": 3})")) +
      domain("b", "21111111-2222-3333-4444-555555555555", false, policy_metadata(R"({"start_order": "first"})")) +
      domain("c d", "31111111-2222-3333-4444-555555555555", false, policy_metadata("no json")));
  session.write_config(R"({"paralel": 2})");
  session.start_daemon();
  const auto text = session.out({});
  const auto advice = text.substr(text.find("What to do"));
  const auto config = session.folder().path().string() + "/config/virtsession/config.json";
  CHECK(advice == R"(What to do
  The configuration is not used: )" +
                      config +
                      R"(: unknown key paralel, did you mean parallel?
    virtsessionctl reload   # after you have corrected it
  a has a mistake in its policy: unknown key start_oder, did you mean start_order?
    virtsessionctl policy a --clear start_oder
  b has a mistake in its policy: start_order must be an integer, not a string, the default is 0
    virtsessionctl policy b --edit
  c d has a mistake in its policy: the policy is not JSON: line 1, column 2: syntax error while parsing value - invalid literal; last read: 'no'
    virsh -c qemu:///session metadata 'c d' https://virtsession.org/policy/1   # what it says
    virtsessionctl policy 'c d' --clear   # removes it
  No VM is marked to start at login. To mark one:
    virtsessionctl enable a
    virtsessionctl plan   # what a login does
)");
  // The commands do what they promise.
  CHECK(session.out({"policy", "a", "--clear", "start_oder"}) == "a: the defaults apply again\n");
  CHECK(session.out({"policy", "c d", "--clear"}) == "c d: the defaults apply again\n");
  session.write_config(R"({"parallel": 2})");
  CHECK(session.out({"reload"}) == config + " is in force.\n");
  const auto after = session.out({});
  CHECK(after.find("a has a mistake") == std::string::npos);
  CHECK(after.find("c d has a mistake") == std::string::npos);
  CHECK(after.find("configuration is not used") == std::string::npos);
}

TEST_CASE("list: a line for each VM, and only those that are wanted") {
  const Usual session;
  CHECK(session.out({"list"}) == R"(NAME  STATE     PHASE     AUTOSTART  SINCE  REASON
db    shut-off  inactive  no         -      off
mail  shut-off  inactive  no         -      off
web   running   running   no         -      running
web2  running   running   no         -      running
)");
  CHECK(session.out({"list", "--all"}) == session.out({"list"}));
  CHECK(session.out({"list", "--running", "--quiet"}) == "web\nweb2\n");
  CHECK(session.out({"list", "-q", "*b*"}) == "db\nweb\nweb2\n");
  CHECK(session.out({"list", "--failed"}).empty());
  session.out({"start", "db"});
  CHECK(masked(session.out({"list", "db"})) == R"(NAME  STATE  PHASE  AUTOSTART  SINCE  REASON
db  running  running  no  TIME  started
)");
}

TEST_CASE("show: all properties for a person, one bare value for a script") {
  const Usual session;
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\S+)");
  CHECK(std::regex_replace(session.out({"show", "mail"}), time, "TIME") == R"(Name:               mail
Title:              -
Uuid:               31111111-2222-3333-4444-555555555555
State:              shut-off
StateReason:        unknown
Phase:              inactive
PhaseReason:        off
Progress:           -
Intent:             none
PhaseSinceUSec:     TIME
StartedUSec:        -
Autostart:          no
AutostartOnce:      no
Persistent:         yes
ManagedSave:        no
RestartCount:       0
LastError:          -
Networks:           -
Addresses:          -
Forwards:           -
Scope:              -
PolicyProblems:     -
PolicyProblemCodes: -
PolicyOverrides:
  start_after              db
  start_order              20
Policy:
  after_units              
  on_battery               none
  on_low_battery           none
  ports                    
  restart                  no
  restart_delay_max_sec    60
  restart_delay_sec        1
  restart_limit            5
  restart_window_sec       600
  resume_sync_time         true
  resume_when_unstuck      true
  sleep                    none
  start                    flag
  start_after              db
  start_delay_sec          0
  start_if_ac_power        false
  start_if_free_memory_mib 0
  start_if_graphical       false
  start_if_paths           
  start_order              20
  start_ready              started
  start_ready_delay_sec    10
  start_ready_timeout_sec  120
  start_retries            3
  stop_actions             shutdown,save,poweroff
  stop_timeout_sec         60
  when_saved_by_others     go-on
)");
  CHECK(session.out({"show", "web", "--property", "Title"}) == "Web server\n");
  CHECK(session.out({"show", "web*", "-p", "Uuid"}) ==
        "11111111-2222-3333-4444-555555555555\n41111111-2222-3333-4444-555555555555\n");
  CHECK(session.err({"show", "web", "-p", "PhaseReson"}, 2) ==
        "virtsessionctl: a VM has no property \"PhaseReson\"; did you mean \"PhaseReason\"?\n"
        "  All of them:  virtsessionctl show web\n");
}

TEST_CASE("status of a VM: more of it, and what became of it") {
  const Usual session;
  session.out({"shutdown", "web"});
  CHECK(masked(session.out({"status", "web", "mail"})) == R"(web - Web server
  State: shut-off (shutdown)
  Phase: inactive: shut down
  Autostart: no
  Uuid: 11111111-2222-3333-4444-555555555555
  History: the newest of  virtsessionctl history web
  TIME  running: running
  TIME  stopping: asked to shut down by virtsessionctl
  TIME  inactive: shut down

mail
  State: shut-off (unknown)
  Phase: inactive: off
  Autostart: no
  Policy: start_after=db start_order=20
  Uuid: 31111111-2222-3333-4444-555555555555
  History: the newest of  virtsessionctl history mail
  TIME  inactive: off
)");
}

TEST_CASE("plan and history: each step with its reason") {
  const Usual session;
  session.out({"enable", "mail", "db"});
  CHECK(session.out({"plan"}) == R"(WAVE  NAME  DECISION  REASON
1     db    start     marked; order 0
2     mail  start     marked; order 20; after "db" is ready
-     web   skip      runs already
-     web2  skip      runs already
)");
  CHECK(session.out({"plan", "start"}) == session.out({"plan"}));
  session.out({"start", "db"});
  CHECK(masked(session.out({"history", "db", "--limit", "2"})) ==
        R"(TIME  NAME  PHASE  REASON  CAUSE
TIME  db  starting  asked for by virtsessionctl  virtsessionctl
TIME  db  running  started  virtsessionctl
)");
}

TEST_CASE("help: the program's, each verb's, and by every way to ask") {
  const Session session;
  const auto help = session.out({"--help"});
  CHECK(session.out({"help"}) == help);
  CHECK(session.out({"-h"}) == help);
  for (const auto* const part : {"Exit status:", "restart-libvirt", "policy VM", "virtsessionctl(1)"})
    CHECK(help.find(part) != std::string::npos);
  CHECK(session.out({"help", "policy"}).starts_with("Usage: virtsessionctl policy [OPTION...] VM [KEY=VALUE...]\n"));
  CHECK(session.out({"help", "save"}) == R"(Usage: virtsessionctl save [OPTION...] VM...

Save guests' memory to disk and stop them

Arguments:
  VM...                    Names, uuids or patterns ('web*')

Options:
  --bypass-cache           Write past the host's page cache
  --timeout SEC            Wait no longer than this; the saving goes on
  --json                   Print one JSON document; monitor: one a line
  -h, --help               Show this text, or that of the verb
  --version                Show the version

The next start goes on from there (libvirt's managed save).
)");
  std::istringstream verbs(session.out({"__complete", ""}));
  for (std::string verb; std::getline(verbs, verb);) {
    verb.resize(verb.find('\t'));
    CHECK_MESSAGE(session.out({verb, "--help"}) == session.out({"help", verb}), verb);
    CHECK_MESSAGE(session.out({verb, "-h"}).starts_with("Usage: virtsessionctl " + verb), verb);
  }
  CHECK(session.err({"help", "sav"}, 2).find("did you mean \"save\"?") != std::string::npos);
  // None of its lines is wider than what people have.
  std::size_t begin = 0;
  while (begin < help.size()) {
    const auto end = help.find('\n', begin);
    CHECK_MESSAGE(end - begin <= 100, help.substr(begin, end - begin));
    begin = end + 1;
  }
}

TEST_CASE("version: of everything that runs") {
  const Usual session;
  CHECK(masked(session.out({"version"})) == "virtsessionctl VERSION\nvirtsessiond VERSION\nlibvirtd VERSION\n");
  CHECK(session.out({"--version"}) == "virtsessionctl 0.1.0\n");
}
