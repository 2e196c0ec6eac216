// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/port_spec.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// A port of the host that starts a VM: a socket and a proxy, units of the user's systemd. The proxy needs the VM's
/// unit, which is stopped when nothing needs it.
struct OnDemand {
  std::string uuid;  ///< of the VM
  std::string name;  ///< its name when the units were written, by which they know it
  HostPort listen;   ///< where connections come in
  HostPort forward;  ///< what the proxy connects to, and leads to the guest
  std::uint16_t guest_port = 0;
  std::string idle;               ///< as systemd.time(7) has it
  bool set_stop_actions = false;  ///< the VM had none of its own

  /// "virtsession-on-demand-NAME-PORT", without its end.
  std::string unit() const;
  /// As in the policy key `ports`.
  std::string forward_spec() const;
  std::string socket_text() const;
  /// \param proxy path of systemd-socket-proxyd \param waits path of virtsession-vm-unit
  std::string service_text(const std::string& proxy, const std::string& waits) const;
};

/// "virtsession-vm@NAME.service"
std::string unit_of_vm(const std::string& name);
/// What a unit of a VM on demand has beside the template's, so that it is stopped when nothing needs it.
std::string vm_drop_in_text();
/// "127.0.0.1:2222", "[::1]:2222", as in a unit.
std::string endpoint(const HostPort& host);
/// Reads a socket_text(). \return invalid_args when it is another one
Result<OnDemand> parse_on_demand(const std::string& text);
/// Whether a text begins as those that this makes.
bool is_ours(const std::string& text);

/// Where the user's units are.
std::string unit_folder();
/// All of the user's, by their units' names. A file that is none of ours is passed over.
std::vector<OnDemand> read_on_demand(const std::string& folder);

}  // namespace virtsession::ctl
