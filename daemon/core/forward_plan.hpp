// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/policy.hpp"
#include "core/views.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

// Which forwards a VM is to have, what is there, and what is to be done about the difference. Pure functions of what
// is known of one VM, and of the ports that others have.

/// What makes the forwards of a NIC.
enum class Forwarder {
  none,
  slirp,  ///< QEMU itself, while the VM runs
  passt,  ///< beside QEMU, by the definition
};
Forwarder forwarder_of(const Network& network);

/// An entry of `ports`, with the NIC that it is for.
struct WantedForward {
  const PortSpec* spec = nullptr;
  const Network* network = nullptr;  ///< nullptr when none fits
  HostPort host = {};                ///< port 0: auto, and not chosen yet
  std::string impossible = {};       ///< why no NIC of this VM can, for a person; or empty

  bool is_by(Forwarder forwarder) const { return impossible.empty() && forwarder_of(*network) == forwarder; }
  /// Only of one that is possible.
  Forward by_alias() const { return {network->nic, host, spec->guest_port}; }
  Forward by_mac() const { return {network->mac, host, spec->guest_port}; }
};

/// What is known of the forwards of one VM beside what libvirt tells of it.
struct KnownForwards {
  std::optional<std::vector<Forward>> there = {};    ///< QEMU's; nothing: it was not asked in this run
  std::vector<Forward> ours = {};                    ///< those of QEMU's that a policy wanted
  std::vector<ForwardFailure> failed = {};           ///< those that QEMU refused
  std::string unsupported = {};                      ///< why QEMU cannot be asked at all, or empty
  std::string not_defined = {};                      ///< why the definition could not be changed, or empty
  std::map<std::string, std::uint16_t> chosen = {};  ///< the port of the host, by the text of an entry with "auto"
};

/// Another VM that has a port of the host, or comes first.
struct Rival {
  std::string name;
};
/// Who has a port, or comes before the VM that is looked at; nullptr: nobody.
using FindRival = std::function<const Rival*(const HostPort& host)>;

std::vector<WantedForward> wanted_forwards(const std::vector<PortSpec>& specs, const DomainSnapshot& domain,
                                           const std::map<std::string, std::uint16_t>& chosen);

/// Ports that virtsession chooses are below those that the kernel gives away by itself (ip_local_port_range).
inline constexpr std::uint16_t kFirstAutoPort = 20000, kLastAutoPort = 29999;
/// The port of an entry with "auto": one that is there for it already; else one that follows from the VM and the
/// guest's port, so that it stays the same; the next one when that is taken.
/// \param taken whether something else has the port
std::uint16_t choose_port(const std::string& uuid, const PortSpec& spec, const std::vector<Forward>& there,
                          const std::function<bool(const HostPort& host)>& taken);

/// Whether `there` does what is `wanted`: it may be on all addresses.
bool fulfils(const Forward& there, const Forward& wanted);

/// What a person sees. \param find_rival of a VM that runs, or is off
std::vector<ForwardView> forward_views(const DomainSnapshot& domain, const std::vector<WantedForward>& wanted,
                                       const KnownForwards& known, const FindRival& find_rival);
/// The same to somebody who looks for a way to the VM: those that are there.
std::vector<Address> addresses_of(const std::vector<ForwardView>& forwards);
/// What QEMU is to be told; those that failed are added again. Nothing: all is as it should be, or there is nothing
/// that QEMU could do.
std::optional<call::SyncForwards> missing_forwards(const std::vector<WantedForward>& wanted, const KnownForwards& known,
                                                   const FindRival& find_rival);
/// What the definition is to have, when that is not what it has.
std::optional<call::DefineForwards> missing_definition(const DomainSnapshot& domain,
                                                       const std::vector<WantedForward>& wanted,
                                                       const FindRival& find_rival);
/// The failure of this one, or nullptr.
const ForwardFailure* failure_of(const std::vector<ForwardFailure>& failed, const Forward& forward);

}  // namespace virtsession
