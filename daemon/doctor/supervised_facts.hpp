// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// What virtsessiond knows of one VM.
struct SupervisedVm {
  std::string uuid;
  std::string name;
  bool active = false;
  bool persistent = true;
  bool autostart = false;  ///< libvirt's flag: the mark
  bool managed_save = false;
  bool has_overrides = false;  ///< its metadata has policy keys that can be used
  StartWhen start = StartWhen::flag;
  std::vector<std::string> start_if_paths;
  std::vector<std::string> after_units;
  std::vector<PortSpec> ports;
  std::vector<std::string> policy_problems;      ///< of its metadata, a sentence each
  std::vector<std::string> dependency_problems;  ///< of start_after: cycles, missing names; a sentence each
  std::vector<Problem> not_done;                 ///< what its policy wants and this machine or the VM does not allow
  std::vector<Network> networks;
  bool gave_up = false;    ///< after failures; only a person helps
  std::string waits;       ///< what for, while it is to be started and waits; as its phase's reason
  std::string last_error;  ///< in libvirt's words, as a rule; of one that is off or gave up
  double stop_timeout_sec = Policy().stop_timeout_sec;
  std::string scope;                   ///< unit that its QEMU runs in; empty when it is off or not known
  std::optional<double> stop_end_sec;  ///< from the start of a stop of all VMs until this one is down at the latest

  bool operator==(const SupervisedVm&) const = default;
};

/// What only virtsessiond knows.
struct SupervisedFacts {
  std::vector<SupervisedVm> vms;
  std::string libvirt_daemon;      ///< "libvirtd" or "virtqemud": whose units it uses
  bool libvirt_connected = false;  ///< the VMs above are those of libvirt now
  bool libvirt_managed = false;    ///< the daemon runs in virtsession's unit
  std::string libvirt_reason;      ///< why not connected, or not managed, for a person
  std::optional<std::uint64_t> stop_budget_usec;
  std::optional<bool> linger;
};

}  // namespace virtsession
