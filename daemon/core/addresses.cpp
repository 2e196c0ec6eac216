// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/addresses.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace virtsession {
namespace {

/// A guest is asked again after 1, 2, 4, 8, 16 and 32 s: its agent may be there before its network is.
constexpr unsigned kTries = 6;

/// The host is in one network with the guest, and so hears of its address. A user NIC hides the guest.
bool is_shared(const Network& network) { return network.type != "user" && network.type != "vhostuser"; }

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

/// fe80::/10 and 169.254.0.0/16
bool is_of_link(const std::string& address) {
  const bool ipv6 = address.starts_with("fe8") || address.starts_with("fe9") || address.starts_with("fea") ||
                    address.starts_with("feb");
  return ipv6 || address.starts_with("169.254.");
}

}  // namespace

std::optional<call::ReadAddresses> RunAddresses::question(const DomainSnapshot& domain) {
  const bool runs = domain.state == DomainState::running || domain.state == DomainState::blocked;
  const call::ReadAddresses question{domain.agent_connected && runs, std::ranges::any_of(domain.networks, is_shared)};
  return question.agent || question.arp ? std::optional(question) : std::nullopt;
}

std::optional<SteadyTime> RunAddresses::due(const DomainSnapshot& domain) const {
  const auto asks = question(domain);
  if (!asks) return std::nullopt;
  if (!asked_ || (asks->agent && !asked_agent_)) return SteadyTime::min();
  return has_any() ? std::nullopt : again_;
}

void RunAddresses::on_asked(const call::ReadAddresses& question, SteadyTime now) {
  asked_ = true;
  asked_agent_ |= question.agent;
  again_.reset();
  if (in_vain_ < kTries) again_ = now + std::chrono::seconds(1U << in_vain_++);
}

void RunAddresses::ask_again() {
  asked_ = asked_agent_ = false;
  in_vain_ = 0;
}

void RunAddresses::learn(FoundAddresses found) {
  if (found.agent) agent_ = *std::move(found.agent);
  if (found.arp) arp_ = *std::move(found.arp);
}

bool RunAddresses::has_any() const {
  const auto any = [](const std::vector<FoundAddress>& list) {
    return std::ranges::any_of(list, [](const FoundAddress& found) { return !is_of_link(found.address); });
  };
  return any(agent_) || any(arp_);
}

std::vector<Address> RunAddresses::list(const DomainSnapshot& domain) const {
  const auto& nics = domain.networks;
  const auto position = [&](const std::string& mac) {
    const auto nic = std::ranges::find(nics, mac, &Network::mac);
    return mac.empty() ? nics.size() : static_cast<std::size_t>(nic - nics.begin());
  };
  const auto rank = [&](const FoundAddress& found) {
    return std::tuple(is_of_link(found.address), position(found.mac) == nics.size(), is_ipv6(found.address),
                      position(found.mac));
  };
  std::vector<Address> result;
  const auto add = [&](std::vector<FoundAddress> list, AddressSource source) {
    std::ranges::stable_sort(list, {}, rank);
    for (auto& found : list) {
      if (std::ranges::find(result, found.address, &Address::address) != result.end()) continue;
      const auto nic = position(found.mac);
      result.push_back(
          {std::move(found.address), nic < nics.size() ? nics[nic].nic : "", std::move(found.mac), source});
    }
  };
  add(agent_, AddressSource::agent);
  add(arp_, AddressSource::arp);
  if (domain.vsock_cid) result.push_back({std::to_string(*domain.vsock_cid), "", "", AddressSource::vsock});
  return result;
}

}  // namespace virtsession
