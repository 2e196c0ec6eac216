// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "conditions/host_sources.hpp"
#include "conditions/mount_points.hpp"
#include "core/conditions.hpp"
#include "util/bounded.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/path_watcher.hpp"
#include "util/thread_mail.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace virtsession {

class PowerSupply;
class UeventMonitor;
class UserManager;

/// Watches what VMs that wait to be started wait for, and nothing else: while nobody waits, nothing wakes the process.
/// A fact that nobody wants any more is forgotten, so that no VM is ever started on an old one.
/// Loop's thread only; loop, manager and path watcher outlive it.
class HostWatcher {
 public:
  using Changed = std::function<void(const HostFacts&)>;

  /// \param changed called on the loop with all that is known of what is wanted, when that is not what it was called
  /// with last; never from inside want(), which it may call, as it may destroy the watcher
  HostWatcher(EventLoop& loop, UserManager& manager, PathWatcher& paths, Changed changed, HostSources sources = {});
  ~HostWatcher();
  HostWatcher(const HostWatcher&) = delete;
  HostWatcher& operator=(const HostWatcher&) = delete;

  /// What has to be watched from now on. Starts and stops only what differs from before, so it is cheap to call after
  /// every event. Paths that are not absolute count as missing.
  /// The first time that AC power is wanted it waits for the system bus's handshake, see PowerSupply.
  void want(const WantedFacts& wanted);

  /// What is known now, for a dry run: from sysfs, stat(2) and proc_meminfo(5), without waiting for any other process;
  /// for file systems half a second at most. AC power is UPower's answer while that is watched. The graphical session
  /// is as it was when it was last watched, and nothing when it never was; units are known while they are watched.
  HostFacts read_now(const WantedFacts& wanted);

 private:
  void want_power(const WantedFacts& wanted);
  void want_graphical_session(bool wanted);
  void want_units(const std::set<std::string>& wanted);
  void want_memory(bool wanted);
  void want_paths(const std::set<std::string>& wanted);
  void read_memory();
  void want_usb_devices(bool wanted);
  void read_usb_devices();
  void want_room(const std::set<std::string>& wanted);
  void read_room();
  PathFacts with_mount_point(const std::string& path, PathFacts facts) const;
  std::map<std::string, PathFacts> look_now(const std::set<std::string>& paths);
  HostFacts facts() const;
  void check_later();
  void check();

  EventLoop& loop_;
  UserManager& manager_;
  PathWatcher& path_watcher_;
  Changed changed_;
  HostSources sources_;
  WantedFacts wanted_;
  HostFacts reported_;
  bool check_pending_ = false;

  std::unique_ptr<PowerSupply> power_;
  std::optional<bool> graphical_session_;
  std::optional<bool> last_graphical_session_;
  std::map<std::string, bool> units_;
  std::optional<std::uint64_t> available_memory_mib_;
  Timer memory_timer_;
  std::map<std::string, std::uint64_t> free_bytes_;
  std::set<std::string> room_is_read_;  ///< files that threads are asked about
  Timer room_timer_;
  std::unique_ptr<UeventMonitor> usb_uevents_;
  std::optional<std::set<std::string>> usb_devices_;
  Timer usb_timer_;
  MountPoints mount_points_;
  std::map<std::string, PathWatcher::Handle> paths_;  // empty handles for paths that cannot be watched
  std::map<std::string, Bounded<PathFacts>> looks_;   ///< of read_now(), that have not ended yet

  ThreadMail mail_;
  Lifetime lifetime_;
};

}  // namespace virtsession
