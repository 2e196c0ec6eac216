// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"
#include "core/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

enum class PortProtocol { tcp, udp };

template <>
inline constexpr auto kEnumText<PortProtocol> = EnumText<PortProtocol, 2>{{{
    {PortProtocol::tcp, "tcp"},
    {PortProtocol::udp, "udp"},
}}};

inline constexpr const char* kLoopback = "127.0.0.1";

/// A port of the host, which one program at a time may listen on.
struct HostPort {
  std::string address = kLoopback;  ///< IPv4 or IPv6, in its shortest form, without brackets
  std::uint16_t port = 0;           ///< 0: any that is free
  PortProtocol protocol = PortProtocol::tcp;

  auto operator<=>(const HostPort&) const = default;
};

/// Whether one program cannot listen on `a` while another listens on `b`: 0.0.0.0 has every IPv4 address, and :: every
/// address. Never of a port that is yet to be chosen.
bool overlap(const HostPort& a, const HostPort& b);
/// "127.0.0.1:2222/tcp", "[::1]:2222/udp", for people.
std::string to_text(const HostPort& host);

/// One entry of the policy key `ports`: [NIC/][HOSTADDRESS:]HOSTPORT:GUESTPORT[/tcp|/udp], where HOSTPORT may be
/// "auto".
struct PortSpec {
  std::string text;  ///< as it was written
  std::string nic;   ///< "net0" (its place), or its MAC in lower case; empty: the first that can
  HostPort host;     ///< port 0: auto
  std::uint16_t guest_port = 0;

  bool operator==(const PortSpec&) const = default;
};

/// \return invalid_args, with a sentence for a person that quotes the text, when it is none
Result<PortSpec> parse_port_spec(std::string_view text);
/// The shortest text with the same meaning.
std::string to_text(const PortSpec& spec);
/// What is wrong with entries that are good by themselves, for a person; empty when nothing is: two want one port of
/// the host, or one is there twice.
std::string contradiction(const std::vector<PortSpec>& specs);

/// A regular expression of JSON Schema that every spec matches, and few other texts.
inline constexpr const char* kPortSpecPattern =
    R"(^([^/]+/)?([0-9.]+:|\[[0-9A-Fa-f:.]+\]:)?(auto|[0-9]{1,5}):[0-9]{1,5}(/(tcp|udp))?$)";

}  // namespace virtsession
