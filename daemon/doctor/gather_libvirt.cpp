// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "doctor/run_program.hpp"
#include "util/listening_sockets.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

namespace virtsession {
namespace {

/// In the order in which clients try them, which is by the file's existence.
constexpr std::array<std::pair<const char*, const char*>, 3> kSockets{{
    {"virtqemud", "virtqemud-sock"},
    {"libvirtd", "libvirt-sock"},
    {"virtlogd", "virtlogd-sock"},
}};

bool is_daemon(const ProcessInfo& process, uid_t uid) {
  return process.uid == uid &&
         (process.name == "libvirtd" || process.name == "virtqemud" || process.name == "virtlogd");
}

/// Root's own session has no unit of the system's.
bool is_of_the_system(const ProcessInfo& process) {
  return process.uid == 0 && (process.unit == process.name + ".service" || process.unit == process.name + ".scope");
}

bool somebody_listens_by_name(const std::vector<ListeningSocket>& sockets, const std::string& path) {
  return std::ranges::any_of(sockets, [&](const ListeningSocket& socket) { return socket.path == path; });
}

DaemonSocket read_socket(const std::string& daemon, const std::string& path,
                         const std::optional<std::vector<ListeningSocket>>& sockets,
                         std::vector<DaemonProcess>& processes) {
  DaemonSocket facts;
  facts.daemon = daemon;
  facts.path = path;
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (!sockets) {
    if (!exists) facts.state = SocketState::absent;
    return facts;
  }
  const ListeningSocket* bound = find_listening(*sockets, path);
  if (!bound) {
    const bool lost = somebody_listens_by_name(*sockets, path);
    facts.state = lost ? SocketState::lost : exists ? SocketState::stale : SocketState::absent;
    return facts;
  }
  facts.state = SocketState::listening;
  for (auto& process : processes) {
    if (!holds_socket(process.pid, bound->inode)) continue;
    process.listens_here = true;
    facts.pid = process.pid;
  }
  return facts;
}

}  // namespace

LibvirtFacts gather_libvirt(const GatherOptions& options, const MachineFacts& machine,
                            const std::vector<ProcessInfo>& processes) {
  LibvirtFacts facts;
  facts.libvirtd = find_program("libvirtd", options.program_folders);
  facts.virtqemud = find_program("virtqemud", options.program_folders);
  for (const auto& process : processes)
    if (is_daemon(process, machine.uid) && !is_of_the_system(process))
      facts.processes.push_back({process.name, process.pid, process.unit, false, folders_of(process.pid)});
  if (options.runtime_dir.empty()) return facts;
  const auto sockets = listening_sockets();
  for (const auto& [daemon, name] : kSockets)
    facts.sockets.push_back(read_socket(daemon, options.runtime_dir + "/libvirt/" + name, sockets, facts.processes));
  return facts;
}

}  // namespace virtsession
