// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "session/notify.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"
#include "virtsessionctl/vm_info.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// What a unit of systemd's is to a VM: virtsession-vm@NAME.service. It asks virtsessiond for the VM's start and stop
/// by its policy, and otherwise follows what becomes of the VM; it decides nothing itself. virtsessiond may restart
/// under it: that leaves VMs alone, and so does this. Main loop's thread; loop and connection outlive it.
class VmUnit {
 public:
  struct Options {
    std::vector<std::string> names;  ///< by which the VM may be known; the first that fits counts
    bool keeps_others = false;       ///< a stop leaves a VM running that this unit did not start
  };

  VmUnit(EventLoop& loop, sdbus::IConnection& bus, Options options);

  /// Looks at the VM for the first time. The loop ends with what the unit is to exit with.
  void begin();
  /// SIGTERM: the VM is stopped by its policy. At the end of the session virtsessiond does that, for all VMs.
  void on_terminate();

 private:
  void look_soon();
  void look();
  std::optional<ctl::VmInfo> read();
  std::string find();
  std::optional<ctl::VmInfo> properties();
  std::unique_ptr<sdbus::IProxy> proxy_to(const std::string& path);
  std::string owner();
  void activate();
  std::string libvirt_state();
  void judge(const ctl::VmInfo& vm);
  void judge_stop(const ctl::VmInfo& vm);
  void ask_start(const ctl::VmInfo& vm);
  void ask_stop(const ctl::VmInfo& vm);
  void on_gone();
  void be_ready();
  bool session_ends();
  void keep_time();
  void fail(const std::string& why);
  void end(int status);

  EventLoop& loop_;
  sdbus::IConnection& bus_;
  Options options_;
  Notify notify_;
  Timer again_;
  Timer time_;
  std::vector<sdbus::Slot> matches_;
  std::unique_ptr<sdbus::IProxy> vm_;  // of a stop that is under way
  std::string service_;                // virtsessiond's unique name; empty while it is away
  std::string path_;                   // of the VM; empty until it was found
  std::string name_;
  bool looks_soon_ = false;
  bool asked_ = false;    ///< for its start
  bool started_ = false;  ///< it was off, and is started for this unit
  bool ready_ = false;
  bool stopping_ = false;
  bool stop_asked_ = false;
  bool moves_ = false;  ///< it comes up or goes down: that takes what it takes
};

}  // namespace virtsession
