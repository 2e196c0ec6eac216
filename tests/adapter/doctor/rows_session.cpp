// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"

namespace virtsession::test {
namespace {

using Answer = LibvirtFacts::Answer;
using S = Severity;

UnitFacts& unit(DoctorFacts& facts, std::size_t i) { return facts.user_manager.units[i]; }
constexpr std::size_t kService = 0;
constexpr std::size_t kSocket = 1;
constexpr std::size_t kDaemon = 2;

std::vector<CheckRow> unit_rows() {
  return {
      {"well", [](auto&) {}, "user-manager", S::ok, "", "user manager of ann answers", ""},
      {"after su",
       [](auto& facts) {
         facts.user_manager.error = "there is no session bus";
         facts.machine.runtime_dir = "";
       },
       "user-manager", S::problem, "", "there is no session bus; this is no login session",
       "export XDG_RUNTIME_DIR=/run/user/1000"},
      {"a bus that hangs", [](auto& facts) { facts.user_manager.error = "it does not answer"; }, "user-manager",
       S::problem, "", "it does not answer", ""},
      {"well", [](auto&) {}, "unit-installed", S::ok, "", "those of libvirtd", ""},
      {"no unit files",
       [](auto& facts) {
         for (auto& each : facts.user_manager.units) each.load_state = "not-found";
       },
       "unit-installed", S::problem, "", "does not know virtsessiond.service, virtsession-libvirtd.socket",
       "systemctl --user daemon-reload || ./contrib/install.sh"},
      {"well", [](auto&) {}, "unit-enabled", S::ok, "", "virtsession-libvirtd.socket starts at login", ""},
      {"disabled",
       [](auto& facts) {
         unit(facts, kService).file_state = "disabled";
         unit(facts, kSocket).file_state = "disabled";
       },
       "unit-enabled", S::warning, "", "virtsessiond.service, virtsession-libvirtd.socket are not enabled",
       "systemctl --user enable --now virtsessiond.service"},
      {"only the socket, of a daemon that is used and not the default",
       [](auto& facts) {
         facts.user_manager.units.push_back(
             {"virtsession-virtqemud.socket", "loaded", "active", "", "disabled", "", ""});
         facts.supervised = supervised();
         facts.supervised->libvirt_daemon = "virtqemud";
       },
       "unit-enabled", S::warning, "", "virtsession-virtqemud.socket is not enabled: virtsessiond starts it",
       "systemctl --user enable --now virtsession-virtqemud.socket"},
      {"virtsessiond, beside a daemon that is not the default",
       [](auto& facts) {
         unit(facts, kService).file_state = "disabled";
         facts.user_manager.units.push_back(enabled_unit("virtsession-virtqemud.socket"));
         facts.supervised = supervised();
         facts.supervised->libvirt_daemon = "virtqemud";
       },
       "unit-enabled", S::warning, "", "virtsessiond.service is not enabled: nothing starts VMs at login",
       "systemctl --user enable --now virtsessiond.service && systemctl --user disable virtsession-libvirtd.socket "
       "virtsession-libvirtd-admin.socket && systemctl --user enable --now virtsession-virtqemud.socket"},
      {"masked", [](auto& facts) { unit(facts, kService).load_state = "masked"; }, "unit-enabled", S::problem, "",
       "virtsessiond.service is masked",
       "systemctl --user unmask virtsessiond.service && systemctl --user enable --now virtsessiond.service"},
      {"well", [](auto&) {}, "unit-active", S::ok, "", "virtsessiond.service is active", ""},
      {"stopped", [](auto& facts) { unit(facts, kService).active_state = "inactive"; }, "unit-active", S::warning, "",
       "virtsessiond.service is inactive", "systemctl --user start virtsessiond.service"},
      {"well", [](auto&) {}, "unit-failed", S::ok, "", "none of", ""},
      {"failed",
       [](auto& facts) {
         unit(facts, kDaemon).active_state = "failed";
         unit(facts, kDaemon).result = "exit-code";
       },
       "unit-failed", S::problem, "", "virtsession-libvirtd.service failed (exit-code)",
       "systemctl --user reset-failed virtsession-libvirtd.service && systemctl --user restart "
       "virtsession-libvirtd.service"},
      {"libvirt refuses its configuration, and its daemon is started again and again",
       [](auto& facts) {
         unit(facts, kDaemon).active_state = "activating";
         unit(facts, kDaemon).braked = "waits for its next start, after 8 that did not last";
         unit(facts, kDaemon).last_words = "libvirtd.conf:1 : expecting a value";
       },
       "unit-failed", S::problem, "",
       "virtsession-libvirtd.service does not stay up (waits for its next start, after 8 that did not last); its last "
       "words: libvirtd.conf:1 : expecting a value",
       "systemctl --user restart virtsession-libvirtd.service"},
      {"on its way up", [](auto& facts) { unit(facts, kDaemon).active_state = "activating"; }, "unit-failed", S::ok, "",
       "none of", ""},
      {"well", [](auto&) {}, "unit-conflict", S::ok, "", "no other user unit", ""},
      {"the sockets of both daemons",
       [](auto& facts) { facts.user_manager.units.push_back(enabled_unit("virtsession-virtqemud.socket")); },
       "unit-conflict", S::warning, "", "are both enabled, and only one of them can serve: it is libvirtd",
       "systemctl --user disable virtsession-virtqemud.socket virtsession-virtqemud-admin.socket"},
      {"as guides say", [](auto& facts) { facts.user_manager.units.push_back(enabled_unit("virtqemud.socket")); },
       "unit-conflict", S::warning, "", "virtqemud.socket of the user manager is for the same socket",
       "systemctl --user disable --now virtqemud.socket && systemctl --user restart virtsession-libvirtd.socket"},
  };
}

std::vector<CheckRow> daemon_rows() {
  return {
      {"well", [](auto&) {}, "libvirt-installed", S::ok, "", "/usr/sbin/libvirtd is installed", ""},
      {"none", [](auto& facts) { facts.libvirt.libvirtd = ""; }, "libvirt-installed", S::problem, "", "neither",
       "sudo apt install libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients"},
      {"none on Fedora",
       [](auto& facts) {
         facts.libvirt.libvirtd = "";
         facts.machine.distribution = Distribution::fedora;
       },
       "libvirt-installed", S::problem, "", "neither", "sudo dnf install libvirt-daemon-driver-qemu libvirt-client"},
      {"none on Arch",
       [](auto& facts) {
         facts.libvirt.libvirtd = "";
         facts.machine.distribution = Distribution::arch;
       },
       "libvirt-installed", S::problem, "", "neither", "sudo pacman -S libvirt"},
      {"none on what we do not know",
       [](auto& facts) {
         facts.libvirt.libvirtd = "";
         facts.machine.distribution = Distribution::other;
       },
       "libvirt-installed", S::problem, "", "neither", ""},
      {"well", [](auto&) {}, "qemu-installed", S::ok, "", "/usr/bin/qemu-system-x86_64 is", ""},
      {"none", [](auto& facts) { facts.qemu = ""; }, "qemu-installed", S::problem, "", "no QEMU",
       "sudo apt install qemu-system-x86"},
      {"well", [](auto&) {}, "qemu-img", S::ok, "", "/usr/bin/qemu-img is", ""},
      {"none", [](auto& facts) { facts.qemu_img = ""; }, "qemu-img", S::warning, "", "no qemu-img",
       "sudo apt install qemu-utils"},
      {"well", [](auto&) {}, "daemon-answers", S::ok, "",
       "libvirtd (pid 70, in virtsession-libvirtd.service), version 11.3.0, answers at /run/user/1000/libvirt/libvirt-",
       ""},
      {"asleep", [](auto& facts) { facts.libvirt.answer = Answer::not_running; }, "daemon-answers", S::ok, "",
       "systemd starts libvirtd when a client comes", ""},
      {"not asked", [](auto& facts) { facts.libvirt.answer = Answer::not_allowed_to_ask; }, "daemon-answers", S::note,
       "", "LIBVIRT_AUTOSTART=0", ""},
      {"refuses",
       [](auto& facts) {
         facts.libvirt.answer = Answer::failed;
         facts.libvirt.error = "no";
       },
       "daemon-answers", S::problem, "", "libvirt-sock: no", "systemctl --user restart virtsession-libvirtd.service"},
      {"hangs", [](auto& facts) { facts.libvirt.answer = Answer::too_late; }, "daemon-answers", S::problem, "",
       "does not answer", "systemctl --user restart virtsession-libvirtd.service"},
      {"no socket", [](auto& facts) { facts.libvirt.sockets[1].state = SocketState::absent; }, "daemon-answers",
       S::warning, "", "the next client forks one", "systemctl --user start virtsession-libvirtd.socket"},
      {"a stale socket of the other daemon wins, as for clients",
       [](auto& facts) { facts.libvirt.sockets[0].state = SocketState::stale; }, "daemon-answers", S::problem, "",
       "clients choose /run/user/1000/libvirt/virtqemud-sock", ""},
      {"well", [](auto&) {}, "daemon-stray", S::ok, "", "no libvirt session daemon runs outside", ""},
      {"forked by a terminal", [](auto& facts) { facts.libvirt.processes[0].unit = "session-3.scope"; }, "daemon-stray",
       S::warning, "", "libvirtd (pid 70) runs in session-3.scope",
       "kill 70 && systemctl --user restart virtsessiond.service"},
      {"with folders of its own: to end it would hide its VMs",
       [](auto& facts) {
         facts.libvirt.processes[0].unit = "session-3.scope";
         facts.libvirt.processes[0].folders = UserFolders{"/data", "", "", ""};
       },
       "daemon-stray", S::note, "", "left alone, since it has folders of its own", ""},
      {"of a Flatpak",
       [](auto& facts) {
         facts.libvirt.processes.push_back({"libvirtd", 71, "app-flatpak-org.gnome.Boxes-1.scope", false});
       },
       "daemon-stray", S::note, "", "listens elsewhere", ""},
      {"a virtlogd that keeps console logs, before a take-over",
       [](auto& facts) {
         facts.libvirt.processes.push_back({"virtlogd", 72, "session-3.scope", true});
       },
       "daemon-stray", S::note, "", "virtlogd (pid 72) runs in session-3.scope: it keeps the console logs of VMs", ""},
      {"and after it",
       [](auto& facts) {
         facts.libvirt.processes.push_back({"virtlogd", 72, "session-3.scope", false});
       },
       "daemon-stray", S::note, "", "is asked by nobody new: it keeps the console logs of VMs", ""},
      {"well", [](auto&) {}, "socket-stale", S::ok, "", "every libvirt socket", ""},
      {"stale, of the other daemon", [](auto& facts) { facts.libvirt.sockets[0].state = SocketState::stale; },
       "socket-stale", S::problem, "", "virtqemud-sock is there and nobody listens",
       "rm -f /run/user/1000/libvirt/virtqemud-sock"},
      {"stale, of the other daemon, whose socket is enabled: it is not started",
       [](auto& facts) {
         facts.libvirt.sockets[0].state = SocketState::stale;
         facts.user_manager.units.push_back(enabled_unit("virtsession-virtqemud.socket"));
         facts.user_manager.units.back().active_state = "inactive";
       },
       "socket-stale", S::problem, "", "virtqemud-sock is there and nobody listens",
       "rm -f /run/user/1000/libvirt/virtqemud-sock"},
      {"stale, of our daemon", [](auto& facts) { facts.libvirt.sockets[1].state = SocketState::stale; }, "socket-stale",
       S::problem, "", "libvirt-sock is there and nobody listens",
       "systemctl --user stop virtsession-libvirtd.socket; rm -f /run/user/1000/libvirt/libvirt-sock; systemctl --user "
       "start virtsession-libvirtd.socket"},
      {"its file is gone", [](auto& facts) { facts.libvirt.sockets[1].state = SocketState::lost; }, "socket-stale",
       S::problem, "", "the file is gone",
       "systemctl --user stop virtsession-libvirtd.socket; rm -f /run/user/1000/libvirt/libvirt-sock; systemctl --user "
       "start virtsession-libvirtd.socket"},
      {"without the daemon", [](auto&) {}, "supervisor-connected", S::ok, "", "was not asked", ""},
      {"connected", [](auto& facts) { facts.supervised = supervised(); }, "supervisor-connected", S::ok, "",
       "connected to its libvirtd", ""},
      {"not connected",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->libvirt_connected = false;
         facts.supervised->libvirt_reason = "virtsession-libvirtd.service failed";
       },
       "supervisor-connected", S::problem, "", "not connected to libvirt: virtsession-libvirtd.service failed",
       "systemctl --user restart virtsession-libvirtd.service"},
      {"connected to a stray one",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->libvirt_managed = false;
       },
       "supervisor-connected", S::warning, "", "does not manage", "systemctl --user restart virtsessiond.service"},
  };
}

std::vector<CheckRow> folder_rows() {
  return {
      {"well", [](auto&) {}, "environment-folders", S::ok, "", "have the same folders", ""},
      {"of the daemon",
       [](auto& facts) {
         facts.libvirt.processes[0].folders = UserFolders{"/data", "", "", ""};
       },
       "environment-folders", S::problem, "",
       "libvirtd (pid 70) has other folders than what the user manager starts (XDG_CONFIG_HOME is /data, not ", ""},
      {"of a daemon of another session",
       [](auto& facts) {
         facts.libvirt.processes.push_back({"libvirtd", 71, "", false, UserFolders{"/data", "", "", ""}});
       },
       "environment-folders", S::ok, "", "have the same folders", ""},
      {"of the shell",
       [](auto& facts) {
         facts.user_manager.folders = UserFolders{"/home/ann/.config", "", "", ""};
         facts.machine.folders = UserFolders{"/data", "", "", ""};
       },
       "environment-folders", S::warning, "", "XDG_CONFIG_HOME is /data, not /home/ann/.config", ""},
  };
}

std::vector<CheckRow> stop_rows() {
  return {
      {"well", [](auto&) {}, "linger", S::ok, "", "lingering is on", ""},
      {"off", [](auto& facts) { facts.user_manager.linger = false; }, "linger", S::note, "",
       "stopped after the last logout", "loginctl enable-linger"},
      {"virtsessiond knows better",
       [](auto& facts) {
         facts.user_manager.linger = false;
         facts.supervised = supervised();
       },
       "linger", S::ok, "", "lingering is on", ""},
      {"no plan", [](auto&) {}, "stop-budget", S::ok, "", "leaves 2 min to stop VMs", ""},
      {"no limit", [](auto& facts) { facts.user_manager.stop_budget_usec = kUnlimited; }, "stop-budget", S::ok, "",
       "as long as they take", ""},
      {"enough", [](auto& facts) { facts.supervised = supervised(); }, "stop-budget", S::ok, "",
       "may take 60 s, and \"web\" is the last", ""},
      {"too little",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].stop_end_sec = 180.5;
         facts.supervised->vms[0].stop_timeout_sec = 90;
       },
       "stop-budget", S::warning, "web", "leaves 2 min to stop VMs; those that run may take 3 min 1 s",
       "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nTimeoutStopSec=211\\n' | sudo tee -a "
       "/etc/systemd/system/user@.service.d/virtsession.conf && sudo systemctl daemon-reload"},
      {"the built-in policy of one VM, which is fitted into the time",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].stop_end_sec = 123;
       },
       "stop-budget", S::ok, "", "unless they are given less, as they are then", ""},
      {"the built-in policy of VMs that stop one after the other, far more than there is",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].stop_end_sec = 369;
       },
       "stop-budget", S::warning, "web", "cut short",
       "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nTimeoutStopSec=399\\n' | sudo tee -a "
       "/etc/systemd/system/user@.service.d/virtsession.conf && sudo systemctl daemon-reload"},
      {"a VM that is off needs no time",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].stop_end_sec = 500;
         facts.supervised->vms[0].active = false;
       },
       "stop-budget", S::ok, "", "leaves 2 min", ""},
  };
}

}  // namespace

std::vector<CheckRow> session_rows() {
  auto rows = unit_rows();
  for (auto& row : daemon_rows()) rows.push_back(row);
  for (auto& row : folder_rows()) rows.push_back(row);
  for (auto& row : stop_rows()) rows.push_back(row);
  rows.push_back({"all seen", [](auto&) {}, "doctor-complete", S::ok, "", "everything", ""});
  rows.push_back({"something hung",
                  [](auto& facts) {
                    facts.too_late = {"KVM", "limits"};
                  },
                  "doctor-complete", S::warning, "", "in time, and are not judged below: KVM, limits", ""});
  rows.push_back({"something failed", [](auto& facts) { facts.failed = {"KVM (bad_alloc)"}; }, "doctor-complete",
                  S::warning, "", "a bug to report, and they are not judged below: KVM (bad_alloc)", ""});
  return rows;
}

}  // namespace virtsession::test
