// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/port_spec.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

namespace virtsession {
namespace {

constexpr std::size_t kLongest = 200;

/// In its shortest form; nothing when it is no address.
std::optional<std::string> address_of(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> shortest{};
  const std::string address(text);
  if (address.find('\0') != std::string::npos || inet_pton(family, address.c_str(), bytes.data()) != 1) return {};
  if (!inet_ntop(family, bytes.data(), shortest.data(), shortest.size())) return {};
  return shortest.data();
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || port == 0) return {};
  return port;
}

bool is_nic_place(std::string_view text) {
  const auto digits = text.starts_with("net") ? text.substr(3) : std::string_view();
  return !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  return true;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return result;
}

/// Parses one text, part by part. Every part that is done is taken away from what is left of it.
class SpecParser {
 public:
  explicit SpecParser(std::string_view text) : text_(text), left_(text) {}

  Result<PortSpec> parse() {
    spec_.text = text_;
    auto problem = text_.size() > kLongest ? std::string("is too long") : read_protocol();
    if (problem.empty()) problem = read_nic();
    if (problem.empty()) problem = read_guest_port();
    if (problem.empty()) problem = read_host();
    if (problem.empty()) return spec_;
    return Error{ErrorCode::invalid_args, "\"" + std::string(text_.substr(0, kLongest)) + "\" " + problem};
  }

 private:
  std::string read_protocol() {
    const auto slash = left_.rfind('/');
    if (slash == std::string_view::npos || left_.find(':', slash) != std::string_view::npos) return {};
    const auto protocol = from_text<PortProtocol>(left_.substr(slash + 1));
    if (!protocol) return "ends in \"" + std::string(left_.substr(slash)) + "\", which is neither /tcp nor /udp";
    spec_.host.protocol = *protocol;
    left_ = left_.substr(0, slash);
    return {};
  }

  std::string read_nic() {
    const auto slash = left_.find('/');
    if (slash == std::string_view::npos) return {};
    const auto nic = left_.substr(0, slash);
    left_ = left_.substr(slash + 1);
    if (is_nic_place(nic) || is_mac(nic)) {
      spec_.nic = lower_case(nic);
      return {};
    }
    return "names the network interface \"" + std::string(nic) + "\": write net0 for the first one, or its MAC address";
  }

  std::string read_guest_port() {
    const auto colon = left_.rfind(':');
    if (colon == std::string_view::npos || left_.ends_with(']'))
      return "is no forward: write HOSTPORT:GUESTPORT, such as \"2222:22\"";
    const auto port = left_.substr(colon + 1);
    left_ = left_.substr(0, colon);
    const auto number = port_of(port);
    if (!number) return bad_port("guest", port);
    spec_.guest_port = *number;
    return {};
  }

  std::string read_host() {
    const auto colon = left_.rfind(':');
    const auto port = colon == std::string_view::npos ? left_ : left_.substr(colon + 1);
    if (port != "auto") {
      const auto number = port_of(port);
      if (!number) return bad_port("host", port);
      spec_.host.port = *number;
    }
    return colon == std::string_view::npos ? std::string() : read_address(left_.substr(0, colon));
  }

  std::string read_address(std::string_view text) {
    const bool brackets = text.size() > 1 && text.starts_with('[') && text.ends_with(']');
    const auto address = brackets ? address_of(AF_INET6, text.substr(1, text.size() - 2)) : address_of(AF_INET, text);
    if (address) {
      spec_.host.address = *address;
      return {};
    }
    if (address_of(AF_INET6, text)) return "has an IPv6 address without brackets: write [" + std::string(text) + "]";
    return "has the host address \"" + std::string(text) + "\", which is no IP address: write one such as 127.0.0.1";
  }

  static std::string bad_port(const char* whose, std::string_view port) {
    return "has the " + std::string(whose) + " port \"" + std::string(port) + "\": a port is a number from 1 to 65535" +
           (std::string_view(whose) == "host" ? ", or auto for one that virtsession chooses" : "");
  }

  std::string_view text_;
  std::string_view left_;
  PortSpec spec_;
};

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

std::string address_text(const std::string& address) { return is_v6(address) ? "[" + address + "]" : address; }

bool covers(const std::string& all, const std::string& one) {
  return all == one || all == "::" || (all == "0.0.0.0" && !is_v6(one));
}

}  // namespace

bool overlap(const HostPort& a, const HostPort& b) {
  return a.port != 0 && a.port == b.port && a.protocol == b.protocol &&
         (covers(a.address, b.address) || covers(b.address, a.address));
}

std::string to_text(const HostPort& host) {
  return address_text(host.address) + ":" + (host.port == 0 ? "auto" : std::to_string(host.port)) + "/" +
         std::string(to_text(host.protocol));
}

Result<PortSpec> parse_port_spec(std::string_view text) { return SpecParser(text).parse(); }

std::string to_text(const PortSpec& spec) {
  std::string text = spec.nic.empty() ? "" : spec.nic + "/";
  if (spec.host.address != kLoopback) text += address_text(spec.host.address) + ":";
  text += spec.host.port == 0 ? "auto" : std::to_string(spec.host.port);
  text += ":" + std::to_string(spec.guest_port);
  return spec.host.protocol == PortProtocol::tcp ? text : text + "/" + std::string(to_text(spec.host.protocol));
}

std::string contradiction(const std::vector<PortSpec>& specs) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (to_text(specs[i]) == to_text(specs[j])) return "has \"" + specs[i].text + "\" twice";
      if (overlap(specs[i].host, specs[j].host))
        return "has \"" + specs[j].text + "\" and \"" + specs[i].text + "\", which want the same port of the host";
    }
  }
  return {};
}

}  // namespace virtsession
