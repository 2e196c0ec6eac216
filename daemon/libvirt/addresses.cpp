// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/addresses.hpp"

#include "libvirt/error.hpp"
#include "libvirt/raii.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string>

namespace virtsession {
namespace {

/// What a guest says is its own affair: nothing is believed to be short.
constexpr std::size_t kMostAddresses = 128;

using InterfacePtr = UniqueCPtr<virDomainInterface, virDomainInterfaceFree>;

/// As inet_ntop(3) writes it; empty when it is no address, or one of the loopback network.
std::string address_text(int type, const char* text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (!text) return {};
  if (type == VIR_IP_ADDR_TYPE_IPV4) {
    in_addr address{};
    constexpr std::uint32_t kLoopback = 127;
    if (inet_pton(AF_INET, text, &address) != 1 || ntohl(address.s_addr) >> 24U == kLoopback) return {};
    return inet_ntop(AF_INET, &address, buffer.data(), buffer.size());
  }
  in6_addr address{};
  if (inet_pton(AF_INET6, text, &address) != 1 || IN6_IS_ADDR_LOOPBACK(&address)) return {};
  return inet_ntop(AF_INET6, &address, buffer.data(), buffer.size());
}

/// In lower case; empty when it is none.
std::string mac_text(const char* text) {
  constexpr std::size_t kLength = 17;
  std::string mac = text ? text : "";
  if (mac.size() != kLength) return {};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto letter = static_cast<unsigned char>(mac[i]);
    if (i % 3 == 2 ? letter != ':' : std::isxdigit(letter) == 0) return {};
    mac[i] = static_cast<char>(std::tolower(letter));
  }
  return mac;
}

/// \return libvirt's error
Result<std::vector<FoundAddress>> ask(virDomainPtr domain, virDomainInterfaceAddressesSource source) {
  virDomainInterfacePtr* array = nullptr;
  const int count = virDomainInterfaceAddresses(domain, &array, source, 0);
  if (count < 0) return last_error(domain);
  const UniqueCPtr<virDomainInterfacePtr, std::free> array_owner(array);
  std::vector<FoundAddress> found;
  for (virDomainInterfacePtr entry : std::span(array, static_cast<std::size_t>(count))) {
    const InterfacePtr interface(entry);
    for (const auto& one : std::span(interface->addrs, interface->naddrs)) {
      FoundAddress address{address_text(one.type, one.addr), mac_text(interface->hwaddr)};
      if (address.address.empty() || found.size() >= kMostAddresses) continue;
      found.push_back(std::move(address));
    }
  }
  return found;
}

}  // namespace

Result<void> read_addresses(virDomainPtr domain, const call::ReadAddresses& question, FoundAddresses& found) {
  const unsigned id = virDomainGetID(domain);
  found.id = id == static_cast<unsigned>(-1) ? -1 : static_cast<int>(id);
  Result<void> failure;
  bool any = false;
  const auto take = [&](Result<std::vector<FoundAddress>> answer, std::optional<std::vector<FoundAddress>>& into) {
    if (!answer) {
      if (failure) failure = answer.error();
      return;
    }
    any |= !answer->empty();
    into = std::move(answer).value();
  };
  if (question.agent) take(ask(domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT), found.agent);
  if (question.arp) take(ask(domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP), found.arp);
  return any ? Result<void>() : failure;
}

}  // namespace virtsession
