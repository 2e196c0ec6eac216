// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/system_side.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kSystemImages = "/var/lib/libvirt/images";

constexpr const char* kNeverOpens =
    "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>fresh</name><memory "
    "unit='MiB'>64</memory><os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><firmware><feature "
    "enabled='no' name='secure-boot'/></firmware><loader "
    "stateless='no'/></os><features><acpi/></features><devices><tpm "
    "model='tpm-crb'><backend "
    "type='emulator' version='2.0'/></tpm></devices><qemu:commandline><qemu:arg value='-no-such-option'/>"
    "</qemu:commandline></domain>";

/// virtsessionctl move, which takes longer than a look.
CommandResult move(Desktop& desktop, Arguments arguments) {
  arguments.insert(arguments.begin(), {"virtsessionctl", "move"});
  return desktop.host().user(kUser, arguments, {.timeout = std::chrono::minutes(3)});
}

std::string move_out(Desktop& desktop, const Arguments& arguments, int status = 0) {
  const auto result = move(desktop, arguments);
  INFO(command_line(arguments), ": ", result.out, result.err);
  CHECK(result.status == status);
  return result.out + result.err;
}

/// The command that deletes what was left, as root, and the backing file, which it leaves alone.
void delete_left_behind(Desktop& desktop, const std::string& said, const std::string& backing_file) {
  auto at = said.find("rm -r -- ");
  REQUIRE(at != std::string::npos);
  const auto command = said.substr(at, said.find('\n', at) - at);
  CHECK_FALSE(has(command, "base"));
  desktop.host().must_exec({"sh", "-ec", command});
  desktop.host().must_exec({"rm", backing_file});
}

/// Everything that a refused or undone move must leave as it was.
std::string traces(Desktop& desktop) {
  return desktop.host().must_exec(
      {"sh", "-c",
       "find /var/lib/libvirt/images /home/alice/.local/share/libvirt /home/alice/.config/libvirt/qemu/nvram "
       "/home/alice/.config/libvirt/qemu/swtpm /home/alice/.local/state/virtsession/move /srv/small /srv/few "
       "-type f ! -name lock -printf '%p %s %T@\\n' 2>/dev/null; virsh -c qemu:///system pool-list --all; "
       "virsh -c qemu:///system dumpxml --inactive win | grep -v '<metadata/>'"});
}

std::string top_sum(Desktop& desktop) {
  return desktop.host().must_exec({"sha256sum", kSystemImages + std::string("/win.qcow2")});
}

/// How many definitions of the VM there are, and how many of them a move that is under way has marked: nobody starts
/// those.
struct Definitions {
  int all = 0, marked = 0;

  explicit Definitions(Desktop& desktop) {
    for (const std::string side : {"system", "session"}) {
      const auto virsh = [&](const std::string& verb) {
        const std::vector<std::string> words{"sh", "-c", "virsh -c qemu:///" + side + " " + verb + " 2>/dev/null"};
        return side == "system" ? desktop.host().exec(words) : desktop.host().user(kUser, words);
      };
      if (!virsh("domuuid win").succeeded()) continue;
      ++all;
      // Where there is none, virsh of libvirt 9.0 fails, and that of 11.3 says nothing.
      if (has(virsh("metadata win https://virtsession.org/move/1").out, "<move")) ++marked;
    }
  }
  int valid() const { return all - marked; }
};

bool is_marked(Desktop& desktop) { return Definitions(desktop).marked > 0; }

}  // namespace

TEST_CASE("move: to the session and back, with disks, firmware variables, TPM, snapshots and the autostart mark") {
  Desktop desktop;
  SystemSide system(desktop);
  system.allow_user();
  system.make_vm(true);
  desktop.login();
  const auto before = system.system_sums(), top = top_sum(desktop);
  CHECK(has(ctl_out(desktop, {"list", "--system"}), "win   shut off  yes        virtsessionctl move win --dry-run"));
  CHECK(has(ctl_out(desktop, {}), "virtsessionctl list --system"));

  const auto untouched = traces(desktop);
  const auto plan = move_out(desktop, {"win", "--dry-run"});
  for (const char* part :
       {"/var/lib/libvirt/images/win.qcow2", "TPM state", "firmware variables", "2 snapshots", "the autostart mark"})
    CHECK(has(plan, part));
  CHECK(traces(desktop) == untouched);

  // There and back, without a start in between: not a byte differs.
  auto said = move_out(desktop, {"win"});
  CHECK(has(said, "win is in qemu:///session, and starts at login"));
  CHECK(system.where() == "session marked");
  wait_until([&] { return desktop.find("win") && desktop.flag("win", "Autostart"); }, kSoon, "virtsessiond knows it");
  CHECK(system.session_sums() == before);
  delete_left_behind(desktop, said, kSystemImages + std::string("/base.qcow2"));
  CHECK(has(desktop.virsh({"snapshot-list", "win", "--name"}), "first\nsecond"));
  said = move_out(desktop, {"win"});
  CHECK(system.where() == "system marked");
  CHECK(system.system_sums() == before);
  CHECK(top_sum(desktop) == top);  // with the name of its backing file in it
  delete_left_behind(desktop, said, "/home/alice/.local/share/libvirt/images/base.qcow2");

  // To the session, where it starts at login and finds what it had. A program reads on the way how far it is.
  const auto lines = move(desktop, {"win", "--json"});
  CHECK(lines.err.empty());
  for (const char* part : {"{\"plan\":{", "{\"step\":\"Copying ", ",\"total\":", "\"done\":\"qemu:///session\""})
    CHECK(has(lines.out, part));
  desktop.logout();
  system.forget_console();
  desktop.login();
  for (const char* text : {"guest disk vda: file-one", "guest disk vdb: file-two", "guest tpm: written",
                           "guest boot entry: written", "guest ready: win"})
    system.wait_for_console(text);
  ctl_out(desktop, {"shutdown", "win"});
  desktop.virsh({"snapshot-revert", "win", "first"});

  // And once more to the system, where it finds it as well.
  move_out(desktop, {"win"});
  CHECK_FALSE(is_marked(desktop));
  system.forget_console();
  system.virsh({"start", "win"});
  for (const char* text : {"guest disk vda: file-one", "guest tpm: written", "guest boot entry: written"})
    system.wait_for_console(text);
}

TEST_CASE("move: killed at twenty points, resumed or taken back, there is always exactly one VM, and it is whole") {
  Desktop desktop;
  SystemSide system(desktop);
  system.allow_user();
  system.make_vm(false);
  desktop.login();
  const auto sums = [&] { return has(system.where(), "system") ? system.system_sums() : system.session_sums(); };
  const auto clean = [&] {
    // What the last move left on the other side, so that names stay.
    const bool at_home = has(system.where(), "session");
    desktop.host().must_exec(
        {"sh", "-c", at_home ? "rm -f /var/lib/libvirt/images/*" : "rm -f /home/alice/.local/share/libvirt/images/*"});
  };
  const auto whole = sums();
  using Steady = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  const auto begin = Steady::now();
  move_out(desktop, {"win"});
  Seconds full = Steady::now() - begin;
  clean();

  const char* const wanted_seed = std::getenv("MOVE_SEED");
  const auto seed = wanted_seed ? static_cast<unsigned>(std::stoul(wanted_seed)) : std::random_device()();
  MESSAGE("a move takes ", full.count(), " s; the same points again with MOVE_SEED=", seed);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> somewhere(0.1, 1);  // before that, nothing is written down yet
  int resumed = 0, undone = 0, seen_two = 0;
  for (int point = 0; point < 20; ++point) {
    const auto after = full.count() * somewhere(random);
    CAPTURE(seed);
    CAPTURE(after);
    const auto was = system.where();
    const auto started = Steady::now();
    const auto killed =
        desktop.host().user(kUser, {"timeout", "-s", "KILL", std::to_string(after), "virtsessionctl", "move", "win"});
    if (killed.succeeded()) full = Steady::now() - started;  // the machine is faster than it was before
    // Wherever it was killed, it is defined, and at most one of the two starts by itself.
    const auto meanwhile = system.where();
    CHECK(meanwhile.starts_with("s"));
    CHECK(meanwhile != "system marked, session marked");
    const Definitions cut(desktop);
    CHECK(cut.valid() <= 1);
    if (cut.all == 1) CHECK((cut.marked == 0 || meanwhile == was.substr(0, was.find(' '))));
    seen_two += cut.all == 2 ? 1 : 0;
    const bool undo = point % 2 == 1;
    const auto result = move(desktop, {"win", undo ? "--undo" : "--resume"});
    INFO(meanwhile, killed.err, result.out, result.err);
    if (result.status == 4) {  // killed before its journal, or after its end
      CHECK(has(result.err, "no move of \"win\" was cut off"));
    } else {
      CHECK(result.status == 0);
      CHECK((system.where() == was) == undo);
      ++(undo ? undone : resumed);
    }
    const auto now = system.where();
    CHECK((now == "system marked" || now == "session marked"));
    const Definitions whole_again(desktop);
    CHECK(whole_again.all == 1);
    CHECK(whole_again.marked == 0);
    clean();
    CHECK(sums() == whole);
  }
  CHECK(resumed > 0);
  CHECK(undone > 0);
  MESSAGE("resumed ", resumed, ", taken back ", undone, "; both defined, at most one of them valid, ", seen_two,
          " times");
  const auto uri = "qemu:///" + system.where().substr(0, system.where().find(' '));
  desktop.host().must_user(kUser, {"virsh", "-c", uri, "start", "win", "--paused"});
}

TEST_CASE("move: what is in the way is named, and nothing is changed") {
  Desktop desktop;
  SystemSide system(desktop);
  system.make_vm(false);
  desktop.login();
  const auto untouched = traces(desktop);
  const auto refused = [&](const Arguments& arguments, int status, const std::string& text) {
    CAPTURE(text);
    CHECK(has(move_out(desktop, arguments, status), text));
    CHECK(traces(desktop) == untouched);
    CHECK(system.where() == "system marked");
  };
  // polkit says no
  refused({"win"}, 3, "sudo usermod -aG libvirt alice");
  desktop.logout();
  system.allow_user();
  desktop.login();

  refused({"won"}, 4, "no VM has the name or uuid \"won\"");
  refused({"win", "--network", "nat"}, 2, "--network takes user, passt or bridge:NAME");
  refused({"win", "--resume"}, 4, "no move of \"win\" was cut off");

  // Too little room, known beforehand, and found on the way.
  auto& host = desktop.host();
  host.must_exec({"sh", "-ec",
                  "mkdir /srv/small /srv/few; mount -t tmpfs -o size=1M small /srv/small;"
                  "mount -t tmpfs -o nr_inodes=2 few /srv/few; chown alice: /srv/small /srv/few"});
  refused({"win", "--to", "/srv/small"}, 3, "are needed, and 1 MiB are free");
  refused({"win", "--to", "/srv/few"}, 1, "No space left on device");

  // A journal of a move that cannot be read
  const std::string journal = "/home/alice/.local/state/virtsession/move/9f0a2c6e-7d51-4f0b-8a35-5b8c1d2e3f40";
  host.must_user(kUser, {"mkdir", "-p", journal});
  host.write_file(journal + "/journal.json", "{\"phase\": \"somewhere\"}", kUser);
  const auto with_journal = traces(desktop);
  for (const Arguments& arguments : {Arguments{"win"}, {"win", "--resume"}, {"win", "--undo"}}) {
    CHECK(has(move_out(desktop, arguments, 3), journal + "/journal.json of a move that was cut off cannot be used"));
    CHECK(traces(desktop) == with_journal);
  }
  host.must_exec({"rm", "-r", journal});
  CHECK(traces(desktop) == untouched);

  system.virsh({"start", "win", "--paused"});
  CHECK(has(move_out(desktop, {"win"}, 3), "it runs: only a VM that is off is moved"));
  system.virsh({"destroy", "win"});
  CHECK(system.where() == "system marked");

  // It was never started, and QEMU does not open it in the new place: what was made for it there goes again.
  host.write_file("/root/fresh.xml", kNeverOpens);
  system.virsh({"define", "/root/fresh.xml"});
  refused({"fresh"}, 1, "QEMU does not open \"fresh\" in qemu:///session");
  CHECK_FALSE(has(desktop.virsh({"list", "--all", "--name"}), "fresh"));
  system.virsh({"undefine", "fresh"});

  // Another one of the name
  host.write_file("/home/alice/win.xml",
                  "<domain type='qemu'><name>win</name><memory>1024</memory><os><type>hvm</type></os></domain>", kUser);
  desktop.virsh({"define", "/home/alice/win.xml"});
  CHECK(has(move_out(desktop, {"win"}, 2), "is in the session and in the system"));
  CHECK(has(move_out(desktop, {"win", "--from", "system"}, 3), "has a VM of this name already"));
  CHECK(system.where() == "system marked, session");
}

TEST_CASE("move: a QEMU that a killed move left paused is ended, one that somebody started paused is not") {
  Desktop desktop;
  SystemSide system(desktop);
  system.allow_user();
  system.make_vm(false);
  desktop.login();
  const auto whole = system.system_sums();
  const auto virsh = [&](const std::string& command) {
    return desktop.host().user(kUser, {"sh", "-c", "cd; virsh -q -c qemu:///session " + command});
  };
  run_beside(desktop, "moving", {"/usr/local/bin/virtsessionctl", "move", "win"});
  desktop.run({"sh", "-c",
               "until virsh -c qemu:///session domuuid win >/dev/null 2>&1; do sleep 0.05; done; "
               "systemctl --user kill -s KILL moving.service"});
  wait_until([&] { return !has(virsh("list --name").out, "win"); }, kLong, "it is off in the session");
  REQUIRE(is_marked(desktop));

  CHECK(virsh("start win --paused").succeeded());
  CHECK(has(move_out(desktop, {"win", "--undo"}, 3), "Somebody has started \"win\" in qemu:///session"));
  CHECK(has(move_out(desktop, {"win", "--resume"}, 1), "Somebody has started \"win\" in qemu:///session"));
  CHECK(has(virsh("domstate win").out, "paused"));
  CHECK(virsh("destroy win").succeeded());

  // As if libvirt had not ended it when its client was gone.
  CHECK(virsh("dumpxml win --inactive --security-info | sed 's,>arriving<,>opening<,' >opening.xml").succeeded());
  CHECK(virsh("create opening.xml --paused").succeeded());
  move_out(desktop, {"win", "--undo"});
  CHECK(system.where() == "system marked");
  CHECK_FALSE(is_marked(desktop));
  CHECK(system.system_sums() == whole);
}

TEST_CASE("move: a copy is another VM, a source that is kept is the same one and does not start by itself") {
  Desktop desktop;
  SystemSide system(desktop);
  system.allow_user();
  system.make_vm(false);
  desktop.login();
  const auto before = system.system_sums();
  CHECK(has(move_out(desktop, {"win", "--copy"}), "win was copied to qemu:///session"));
  CHECK(system.where() == "system marked, session");
  CHECK(system.system_sums() == before);
  CHECK_FALSE(is_marked(desktop));
  const auto uuid_of = [](const std::string& answer) { return answer.substr(0, 36); };
  CHECK(uuid_of(desktop.virsh({"domuuid", "win"})) != uuid_of(system.virsh({"domuuid", "win"})));
  desktop.virsh({"start", "win", "--paused"});

  desktop.virsh({"destroy", "win"});
  desktop.virsh({"undefine", "win", "--nvram", "--tpm", "--snapshots-metadata"});
  CHECK(has(move_out(desktop, {"win", "--keep-source"}), "start one of the two only"));
  CHECK(system.where() == "system, session marked");
  CHECK(uuid_of(desktop.virsh({"domuuid", "win"})) == uuid_of(system.virsh({"domuuid", "win"})));
}
