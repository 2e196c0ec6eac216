// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using namespace virtsession::test;

// What GNOME Boxes and the kernel do to VMs that nobody asked for.

namespace {

/// As Boxes does it: it owns its name from its start, saves what runs when it is closed, or pauses it, and ends then.
const char* const kBoxesProgram = R"(
import dbus, os, subprocess, time
bus = dbus.SessionBus()
bus.request_name("org.gnome.Boxes")
print("open", flush=True)
while not os.path.exists("/home/alice/close"):
    time.sleep(0.05)
virsh = ["virsh", "-c", "qemu:///session"]
verb = "suspend" if os.path.exists("/home/alice/pauses") else "managedsave"
for name in subprocess.run([*virsh, "list", "--name"], capture_output=True, text=True).stdout.split():
    subprocess.run([*virsh, verb, name], check=True)
print("done", flush=True)
while not os.path.exists("/home/alice/end"):
    time.sleep(0.05)
)";

bool has_entry(Desktop& desktop, const std::string& name, const std::string& text) {
  const auto entries = desktop.history(name);
  return std::ranges::any_of(entries, [&](const auto& entry) { return has(entry, text); });
}

/// Gives a VM that was started paused little memory, and lets it go on: then the kernel ends its QEMU.
void take_memory(Desktop& desktop, const Guest& guest) {
  const auto pid = std::to_string(guest.qemu_pid());
  const auto controllers = desktop.host().read_file("/sys/fs/cgroup/cgroup.controllers").value_or("");
  if (has(controllers, "memory")) {
    wait_until([&] { return !desktop.text(guest.name(), "Scope").empty(); }, kSoon, "it has a scope");
    desktop.systemctl(
        {"set-property", "--runtime", desktop.text(guest.name(), "Scope"), "MemoryMax=4M", "MemorySwapMax=0"});
  } else {  // of the old hierarchy, where the machine has that
    desktop.host().must_exec(
        {"sh", "-ec",
         "mount -t cgroup -o memory cgroup /mnt && mkdir /mnt/virtsession-$$ && cd /mnt/virtsession-$$"
         " && echo 4M >memory.limit_in_bytes && echo " +
             pid + " >cgroup.procs"});
  }
  desktop.host().user(kUser, {"virsh", "-c", "qemu:///session", "resume", guest.name()});  // it may be dead by then
}

/// The cgroups that take_memory() made are the machine's.
void give_memory_back(Desktop& desktop) {
  desktop.host().must_exec(
      {"sh", "-c", "for group in /mnt/virtsession-*; do rmdir \"$group\" 2>/dev/null; done; true"});
}

}  // namespace

TEST_CASE("GNOME Boxes saves or pauses what runs when it is closed: a marked VM goes on, and another says why not") {
  Desktop desktop;
  desktop.login();
  const auto marked = desktop.define({.name = "marked"}),
             other = desktop.define({.name = "other", .system = System::none});
  desktop.virsh({"autostart", "marked"});
  for (const auto* guest : {&marked, &other}) guest->start();
  marked.wait_ready();
  for (const auto* name : {"marked", "other"}) desktop.wait_for(name, "Phase", "running");
  desktop.host().write_file("/home/alice/boxes.py", kBoxesProgram, kUser);
  run_beside(desktop, "boxes", {"python3", "/home/alice/boxes.py"});
  wait_for_output(desktop, "boxes", "open");
  desktop.run({"touch", "/home/alice/close"});
  wait_for_output(desktop, "boxes", "done");
  desktop.wait_for("marked", "Phase", "waiting");
  CHECK(desktop.text("marked", "PhaseReason") == "waits for GNOME Boxes to be closed");
  desktop.run({"touch", "/home/alice/end"});
  desktop.wait_for("marked", "Phase", "running");
  CHECK(marked.count_on_console("guest ready") == 1);
  CHECK(has_entry(desktop, "marked", "queued: saved by GNOME Boxes, and goes on when that is closed [GNOME Boxes]"));
  CHECK(desktop.text("other", "PhaseReason") == "saved by GNOME Boxes, which does that when it is closed");
  CHECK(has(ctl(desktop, {"status"}).out, "\"Run in background\" in its preferences there keeps it running"));

  // It is configured to pause them.
  ctl_out(desktop, {"start", "other"});
  for (const auto* name : {"marked", "other"}) desktop.wait_for(name, "Phase", "running");
  desktop.run({"touch", "/home/alice/pauses"});
  run_beside(desktop, "pausing-boxes", {"python3", "/home/alice/boxes.py"});
  wait_for_output(desktop, "pausing-boxes", "done");
  other.wait_for_state("paused", kSoon);
  wait_until([&] { return has_entry(desktop, "marked", "running: running [GNOME Boxes]"); }, kSoon, "it goes on");
  CHECK(marked.state() == "running");
  CHECK(has_entry(desktop, "marked", "paused: paused by GNOME Boxes, which does that when it is closed [GNOME Boxes]"));
  CHECK(desktop.text("other", "PhaseReason") == "paused by GNOME Boxes, which does that when it is closed");
  CHECK(has(ctl(desktop, {"status"}).out, "virtsessionctl resume other"));

  // The kernel ends a VM for want of memory.
  const auto hungry = desktop.define({.name = "hungry", .policy = R"({"restart": "on-failure"})"});
  desktop.virsh({"start", "hungry", "--paused"});
  desktop.wait_for("hungry", "Phase", "paused");
  take_memory(desktop, hungry);
  wait_until([&] { return has_entry(desktop, "hungry", "QEMU was killed: memory ran out; restart 1 of 5 follows"); },
             kLong, "what ended it is told");
  desktop.wait_for("hungry", "Phase", "running", kLong);
  CHECK(has_entry(desktop, "hungry", "starting: because of lack of memory"));
  give_memory_back(desktop);
}
