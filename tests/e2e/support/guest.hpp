// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "domain_xml.hpp"
#include "process.hpp"

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::test {

class Host;

/// What the console says when a guest has shut down in an orderly way.
inline constexpr std::string_view kPowerDown = "reboot: Power down";

/// A domain of a user of the test host, driven as the user would: with `virsh -c qemu:///session`. Mind that virsh
/// starts a libvirt daemon of its own where none listens.
///
/// It is a handle and owns nothing: the domain stays when it goes, and is gone with the host. The host must outlive it.
class Guest {
 public:
  /// Defines the domain. Its console is the file NAME.console in the user's home folder, unless the domain says
  /// otherwise.
  Guest(const Host& host, std::string_view user, DomainXml domain);

  const std::string& name() const { return domain_.name; }
  std::string uuid() const;

  /// Runs `virsh VERB NAME OPTION...`.
  CommandResult virsh(std::string_view verb, const std::vector<std::string>& options = {}) const;
  /// The same, but a failure is an error; returns what it says.
  std::string must_virsh(std::string_view verb, const std::vector<std::string>& options = {}) const;

  void start() const { must_virsh("start"); }
  /// Asks the guest to shut down and returns at once.
  void shutdown() const { must_virsh("shutdown"); }
  void destroy() const;
  /// Sets or clears libvirt's autostart flag.
  void set_autostart(bool is_on) const;
  /// As `virsh domstate` says it: "running", "shut off" ...
  std::string state() const { return must_virsh("domstate"); }
  /// "shut off (crashed)" ...
  std::string state_with_reason() const { return must_virsh("domstate", {"--reason"}); }
  void wait_for_state(std::string_view state, std::chrono::milliseconds timeout) const;

  /// All that the guest has said since it was defined, over all starts; also while the host is down.
  std::string console() const;
  /// How often the console says `text`.
  std::size_t count_on_console(std::string_view text) const;
  /// Waits until the console has said `text` at least `count` times. The error shows the end of the console.
  void wait_for_console(std::string_view text, std::chrono::milliseconds timeout, std::size_t count = 1) const;
  /// Waits for the ready line of the `count`th boot.
  void wait_ready(std::size_t count = 1) const;
  /// Of the newest line that guest.tick wrote: the guest's own idea of how long it has been up, in seconds. -1 without
  /// one.
  long last_uptime() const;
  /// Of the newest line that guest.clock wrote: what the guest takes for the time, in seconds since 1970. -1 without
  /// one.
  long last_clock() const;

  /// The process inside the host, for `kill` there. 0 if the domain does not run.
  pid_t qemu_pid() const;

 private:
  long last_number(std::string_view after) const;

  const Host& host_;
  std::string user_;
  DomainXml domain_;
};

}  // namespace virtsession::test
