// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/enum_text.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"

#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// From where an address of a VM is known.
enum class AddressSource {
  agent,    ///< the guest's agent: what the guest itself has
  arp,      ///< the host's table of neighbours, for NICs that the host shares a network with
  forward,  ///< a port of the host leads into the guest
  vsock,    ///< the VM's definition: its CID
};

template <>
inline constexpr auto kEnumText<AddressSource> = EnumText<AddressSource, 4>{{{
    {AddressSource::agent, "agent"},
    {AddressSource::arp, "arp"},
    {AddressSource::forward, "forward"},
    {AddressSource::vsock, "vsock"},
}}};

/// Where a VM can be reached.
struct Address {
  std::string address;  ///< IPv4 or IPv6; of a vsock its CID; of a forward the host's
  std::string nic;      ///< Network::nic; empty when it is of none of the VM's NICs
  std::string mac;      ///< in lower case; may be empty
  AddressSource source = AddressSource::agent;
  std::optional<Forward> forward = {};  ///< of source forward

  bool operator==(const Address&) const = default;
};

/// What a source says.
struct FoundAddress {
  std::string address;  ///< IPv4 or IPv6, as inet_ntop(3) writes it; no loopback address
  std::string mac;      ///< in lower case; empty when it is not known

  bool operator==(const FoundAddress&) const = default;
};

/// What libvirt has found of one run of a VM. Of a source that was not asked, or did not answer, nothing is known.
struct FoundAddresses {
  int id = -1;  ///< of the run, as libvirt counts them
  std::optional<std::vector<FoundAddress>> agent;
  std::optional<std::vector<FoundAddress>> arp;
};

/// The addresses of one run, as far as libvirt was asked for them, and when it is to be asked by itself: when the VM is
/// up, when its agent has connected, and a few times more while the guest is getting its first address.
class RunAddresses {
 public:
  /// What of the VM can be asked now; nothing when neither can.
  static std::optional<call::ReadAddresses> question(const DomainSnapshot& domain);

  /// When it is to be asked; nothing: not until something happens.
  std::optional<SteadyTime> due(const DomainSnapshot& domain) const;
  void on_asked(const call::ReadAddresses& question, SteadyTime now);
  /// The guest's agent has connected, or libvirt is another one: what was said may be another thing now.
  void ask_again();
  void learn(FoundAddresses found);
  /// Best first: those of the VM's own NICs before others that the guest has, IPv4 before IPv6, those that are valid on
  /// one link only last.
  std::vector<Address> list(const DomainSnapshot& domain) const;

 private:
  bool has_any() const;

  bool asked_ = false;
  bool asked_agent_ = false;
  unsigned in_vain_ = 0;  ///< how often it was asked again
  std::optional<SteadyTime> again_;
  std::vector<FoundAddress> agent_;
  std::vector<FoundAddress> arp_;
};

}  // namespace virtsession
