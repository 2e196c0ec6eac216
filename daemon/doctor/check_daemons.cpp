// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>

namespace virtsession {
namespace {

using LibvirtAnswer = LibvirtFacts::Answer;

std::string socket_unit(const std::string& daemon) { return "virtsession-" + daemon + ".socket"; }
std::string service_unit(const std::string& daemon) { return "virtsession-" + daemon + ".service"; }

void check_programs(const Picture& picture, Report& report) {
  const auto& facts = picture.facts;
  const auto distribution = facts.machine.distribution;
  std::vector<std::string> daemons;
  for (const auto& path : {facts.libvirt.libvirtd, facts.libvirt.virtqemud})
    if (!path.empty()) daemons.push_back(path);
  if (daemons.empty())
    report.add("libvirt-installed", Severity::problem, {},
               "neither libvirtd nor virtqemud is installed: there are no session VMs without one",
               install_command(distribution, {"libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients",
                                              "libvirt-daemon-driver-qemu libvirt-client", "libvirt"}));
  else
    report.ok("libvirt-installed", list_text(daemons) + (daemons.size() == 1 ? " is" : " are") + " installed");

  if (facts.qemu.empty())
    report.add("qemu-installed", Severity::problem, {}, "there is no QEMU for this machine's kind of CPU",
               install_command(distribution, {"qemu-system-x86", "qemu-kvm", "qemu-base"}));
  else
    report.ok("qemu-installed", facts.qemu + " is installed");

  if (facts.qemu_img.empty())
    report.add("qemu-img", Severity::warning, {},
               "there is no qemu-img, which virt-install, virt-manager and others have libvirt make disks with",
               install_command(distribution, {"qemu-utils", "qemu-img", "qemu-img"}));
  else
    report.ok("qemu-img", facts.qemu_img + " is installed");
}

/// Where a daemon runs, in words.
std::string place(const LibvirtFacts& libvirt, pid_t pid) {
  for (const auto& process : libvirt.processes)
    if (process.pid == pid) return "pid " + std::to_string(pid) + (process.unit.empty() ? "" : ", in " + process.unit);
  return "pid " + std::to_string(pid);
}

void check_answer(const DaemonSocket& socket, const Picture& picture, Report& report) {
  const auto& libvirt = picture.facts.libvirt;
  const std::string who = socket.daemon + " (" + place(libvirt, socket.pid) + ")";
  const std::string restart = "systemctl --user restart " + service_unit(socket.daemon);
  switch (libvirt.answer) {
    case LibvirtAnswer::answered:
      return report.ok("daemon-answers",
                       who + ", version " + version_text(libvirt.version) + ", answers at " + socket.path);
    case LibvirtAnswer::failed:
      return report.add("daemon-answers", Severity::problem, {},
                        who + " refuses at " + socket.path + ": " + libvirt.error, restart);
    case LibvirtAnswer::too_late:
      return report.add("daemon-answers", Severity::problem, {},
                        who + " listens at " + socket.path + " and does not answer", restart);
    case LibvirtAnswer::not_allowed_to_ask:
      return report.add("daemon-answers", Severity::note, {},
                        who + " listens at " + socket.path +
                            "; it was not asked, since LIBVIRT_AUTOSTART=0 is not in the environment of who looks");
    case LibvirtAnswer::not_running:
      break;
  }
  report.ok("daemon-answers",
            "nobody runs behind " + socket.path + "; systemd starts " + socket.daemon + " when a client comes");
}

void check_reachable(const Picture& picture, Report& report) {
  for (const auto& socket : picture.facts.libvirt.sockets) {
    if (socket.daemon == "virtlogd") continue;
    if (socket.state == SocketState::listening) return check_answer(socket, picture, report);
    if (socket.state == SocketState::stale)  // clients stop here
      return report.add("daemon-answers", Severity::problem, {},
                        "clients choose " + socket.path + ", where nobody listens (see socket-stale)");
    if (!socket.state)
      return report.add("daemon-answers", Severity::note, {},
                        "whether somebody listens at " + socket.path + " could not be found out");
  }
  if (picture.facts.machine.runtime_dir.empty()) return;
  report.add("daemon-answers", Severity::warning, {},
             "there is no socket of a libvirt session daemon: the next client forks one of its own",
             "systemctl --user start " + socket_unit(picture.daemon));
}

/// Of one that a client forked, and so of that client's cgroup: it ends with a terminal, or holds up the logout.
bool is_stray(const DaemonProcess& process) { return process.unit != service_unit(process.name); }

void check_strays(const Picture& picture, Report& report) {
  bool stray = false;
  for (const auto& process : picture.facts.libvirt.processes) {
    if (!is_stray(process)) continue;
    stray = true;
    const std::string who = process.name + " (pid " + std::to_string(process.pid) + ") runs in " +
                            (process.unit.empty() ? "no unit of systemd's" : process.unit);
    if (process.name == "virtlogd") {
      // It is nobody's to end: the last lines of a console would be lost.
      report.add("daemon-stray", Severity::note, {},
                 who + (process.listens_here ? "" : " and is asked by nobody new") +
                     ": it keeps the console logs of VMs that were started with it, and ends after them");
      continue;
    }
    if (!other_folders(process, picture.facts).empty())
      report.add("daemon-stray", Severity::note, {},
                 who +
                     ": some program forked it, and it is left alone, since it has folders of its own (see "
                     "environment-folders)");
    else if (process.listens_here)
      report.add("daemon-stray", Severity::warning, {},
                 who + ": some program forked it, and it may end with that program, VMs included",
                 "kill " + std::to_string(process.pid) + " && systemctl --user restart virtsessiond.service");
    else
      report.add("daemon-stray", Severity::note, {},
                 who + " and listens elsewhere: it belongs to a sandbox or another session, and has VMs of its own");
  }
  if (!stray) report.ok("daemon-stray", "no libvirt session daemon runs outside virtsession's units");
}

std::string stale_fix(const DaemonSocket& socket, const Picture& picture) {
  const std::string unit = socket_unit(socket.daemon);
  std::string remove = "rm -f " + shell_word(socket.path);
  // Clients are not to reach two daemons: that of the other is not started.
  const bool other = socket.daemon != "virtlogd" && socket.daemon != picture.daemon;
  const auto* const known = picture.facts.user_manager.unit(unit);
  if (other) return (known && known->active_state == "active" ? "systemctl --user stop " + unit + "; " : "") + remove;
  return "systemctl --user stop " + unit + "; " + remove + "; systemctl --user start " + unit;
}

void check_stale(const Picture& picture, Report& report) {
  bool found = false;
  for (const auto& socket : picture.facts.libvirt.sockets) {
    if (socket.state != SocketState::stale && socket.state != SocketState::lost) continue;
    found = true;
    const bool stale = socket.state == SocketState::stale;
    report.add(
        "socket-stale", Severity::problem, {},
        stale ? socket.path + " is there and nobody listens: clients choose " + socket.daemon + " for it, and fail"
              : "somebody listens at " + socket.path + ", but the file is gone or another one: no client gets there",
        stale_fix(socket, picture));
  }
  if (!found) report.ok("socket-stale", "every libvirt socket of the session that exists has somebody who listens");
}

void check_supervisor(const Picture& picture, Report& report) {
  const auto& supervised = picture.facts.supervised;
  if (!supervised) return report.ok("supervisor-connected", "virtsessiond was not asked: this is a look without it");
  if (!supervised->libvirt_connected)
    return report.add("supervisor-connected", Severity::problem, {},
                      "virtsessiond is not connected to libvirt: " + supervised->libvirt_reason,
                      "systemctl --user restart " + service_unit(picture.daemon));
  if (!supervised->libvirt_managed)
    return report.add("supervisor-connected", Severity::warning, {},
                      "virtsessiond is connected to a libvirt daemon that it does not manage" +
                          (supervised->libvirt_reason.empty() ? "" : ": " + supervised->libvirt_reason),
                      "systemctl --user restart virtsessiond.service");
  report.ok("supervisor-connected", "virtsessiond is connected to its " + picture.daemon);
}

}  // namespace

void check_daemons(const Picture& picture, Report& report) {
  check_programs(picture, report);
  check_reachable(picture, report);
  check_strays(picture, report);
  check_stale(picture, report);
  check_supervisor(picture, report);
}

}  // namespace virtsession
