// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// What other clients of libvirt do at the same time.

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// Stops the QEMU of VM "a" by SIGSTOP as soon as it would answer SIGTERM with words, which is before libvirt has set
/// it up; then leaves its PID in the file.
constexpr const char* kHoldQemu = R"(
import os, signal, sys, time
def status(pid, field):
    with open(f'/proc/{pid}/status') as lines:
        return int(next(line for line in lines if line.startswith(field)).split()[1], 16)
seen = set(sys.argv[2:])
while True:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if pid in seen: continue
            words = open(f'/proc/{pid}/cmdline').read()
            if 'qemu-system' not in words.split('\0')[0] or 'guest=a,' not in words: continue
            while not status(pid, 'SigCgt:') >> 14 & 1: pass
            os.kill(int(pid), signal.SIGSTOP)
            open(sys.argv[1] + '.new', 'w').write(pid)
            os.rename(sys.argv[1] + '.new', sys.argv[1])
            sys.exit(0)
        except (OSError, StopIteration): pass
)";

bool has_pending_sigterm(Desktop& desktop, const std::string& pid) {
  const auto status = desktop.host().exec({"sed", "-n", "s/^ShdPnd:[[:space:]]*//p", "/proc/" + pid + "/status"}).out;
  return !status.empty() && (std::stoull(status, nullptr, 16) >> 14 & 1) != 0;
}

}  // namespace

TEST_CASE("virsh destroy of a VM that is being started by its policy: it stays off, as somebody wanted") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define(
      {.name = "a",
       .system = System::none,
       .policy = R"({"restart": "always", "restart_delay_sec": 0, "restart_limit": 100, "start_retries": 9})"});
  guest.start();
  desktop.wait_for("a", "Phase", "running");
  std::string held;
  for (int attempt = 0; attempt < 20; ++attempt) {  // until it is caught before libvirt is done with it
    const auto before = std::to_string(guest.qemu_pid());
    const auto file = "/home/alice/held" + std::to_string(attempt);
    run_beside(desktop, "hold" + std::to_string(attempt), {"python3", "-c", kHoldQemu, file, before});
    desktop.host().must_exec({"kill", "-9", before});
    wait_until([&] { return desktop.host().read_file(file).has_value(); }, kLong, "QEMU is started again");
    held = *desktop.host().read_file(file);
    if (desktop.text("a", "Phase") == "starting") break;
    desktop.host().must_exec({"kill", "-CONT", held});
    desktop.wait_for("a", "Phase", "running");
    held.clear();
  }
  REQUIRE_FALSE(held.empty());
  run_beside(desktop, "destroy", {"virsh", "-c", "qemu:///session", "destroy", "a"});
  wait_until([&] { return has_pending_sigterm(desktop, held); }, kSoon, "libvirt ends QEMU");
  desktop.host().must_exec({"kill", "-CONT", held});
  desktop.wait_for("a", "Phase", "inactive", kLong);  // libvirt sends SIGKILL when 10 s of SIGTERM were of no use
  CHECK(desktop.text("a", "PhaseReason") == "stopped by a client while it started");
  CHECK(desktop.text("a", "Intent") == "down");
  CHECK(desktop.text("a", "LastError").empty());
  CHECK(guest.state() == "shut off");
  // A restart of virtsessiond does not bring it up either.
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  CHECK(desktop.text("a", "Phase") == "inactive");
}

TEST_CASE("fifty VMs are defined and undefined in a loop: each is in the history, in libvirt's order") {
  Desktop desktop;
  desktop.login();
  desktop.run(
      {"sh", "-ec",
       "for i in $(seq 50); do echo \"<domain type='qemu'><name>loop$i</name><memory>65536</memory><os><type>hvm"
       "</type></os></domain>\" > ~/loop.xml; virsh -q -c qemu:///session define ~/loop.xml; "
       "virsh -q -c qemu:///session undefine loop$i; done"});
  std::vector<std::string> expected;
  for (int i = 1; i <= 50; ++i) {
    expected.push_back("loop" + std::to_string(i) + ": defined");
    expected.push_back("loop" + std::to_string(i) + ": removed from libvirt");
  }
  std::vector<std::string> rows;
  wait_until(
      [&] {
        rows.clear();
        for (const auto& entry : desktop.api().manager().History("", {}))
          rows.push_back(std::get<2>(entry) + ": " + std::get<4>(entry));
        return rows.size() >= expected.size();
      },
      kSoon, "the history has a row for each");
  CHECK(rows == expected);
}
