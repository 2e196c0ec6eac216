// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ssh_way.hpp"

#include "forward_text.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

constexpr std::uint16_t kSshPort = 22;

/// What listens on all addresses is reached on this one.
std::string reachable(const std::string& host_address) {
  if (host_address == "0.0.0.0") return "127.0.0.1";
  return host_address == "::" ? "::1" : host_address;
}

bool leads_to_ssh(const Properties& forward) {
  return forward.text("protocol") == "tcp" && forward.number("guest_port") == kSshPort;
}

std::string add_command(const VmInfo& vm) { return "virtsessionctl ports " + vm.command_word() + " +auto:22"; }

void look_at_forwards(const VmInfo& vm, SshWays& ways) {
  const auto& forwards = vm.value("Forwards");
  if (!forwards.is_array()) return;
  for (const auto& row : forwards) {
    const Properties forward(row);
    if (!leads_to_ssh(forward)) continue;
    const auto state = forward.text("state"), reason = printable(forward.text("reason"));
    if (state == "active") {
      ways.usable.push_back({SshEndpoint::Kind::forward, reachable(forward.text("host_address")),
                             static_cast<std::uint16_t>(forward.number("host_port"))});
    } else if (state == "off" || (state == "next-start" && !vm.is_active())) {
      ways.awaited = "the forward of its port 22";
      ways.obstacle = "the forward " + forward_host_text(forward) + " of its port 22 is not made yet";
      ways.hint = "All forwards:  virtsessionctl ports";
    } else if (state == "next-start") {
      ways.obstacle = "the forward " + forward_host_text(forward) + " of its port 22 is there from its next start on";
      ways.hint = "To have it at once, with all that runs in the VM:  virtsessionctl save " + vm.command_word() +
                  "; virtsessionctl ssh --start " + vm.command_word();
    } else {
      ways.obstacle = "the forward " + forward_host_text(forward) + " of its port 22 is not made" +
                      (reason.empty() ? "" : ": " + reason);
      ways.hint = "All forwards:  virtsessionctl ports\nAnother one:  " + add_command(vm);
    }
  }
}

/// libvirt's names of interfaces that the host reaches the guest through. QEMU's own network and passt let nothing in,
/// and a macvtap hides the guest from its host.
bool reaches_host(const std::string& type) { return type == "bridge" || type == "network" || type == "ethernet"; }

bool has_bridge(const VmInfo& vm) {
  const auto& networks = vm.value("Networks");
  return networks.is_array() &&
         std::ranges::any_of(networks, [](const json& row) { return reaches_host(Properties(row).text("type")); });
}

bool is_on_bridge(const VmInfo& vm, const std::string& mac) {
  const auto& networks = vm.value("Networks");
  return networks.is_array() && std::ranges::any_of(networks, [&](const json& row) {
           const Properties network(row);
           return network.text("mac") == mac && reaches_host(network.text("type"));
         });
}

/// Others would need the name of the host's interface, or lead to this host itself.
bool is_routable(const std::string& address) {
  return !address.starts_with("fe80:") && !address.starts_with("169.254.") && !address.starts_with("127.") &&
         address != "::1";
}

void look_at_addresses(const VmInfo& vm, SshWays& ways) {
  const auto& addresses = vm.value("Addresses");
  std::vector<SshEndpoint> vsocks;
  if (addresses.is_array())
    for (const auto& row : addresses) {
      const Properties known(row);
      const auto source = known.text("source"), address = known.text("address");
      if (source == "vsock") {
        vsocks.push_back({SshEndpoint::Kind::vsock, address, kSshPort});
      } else if ((source == "agent" || source == "arp") && is_on_bridge(vm, known.text("mac")) &&
                 is_routable(address)) {
        const SshEndpoint endpoint{SshEndpoint::Kind::address, address, kSshPort};
        if (std::ranges::count(ways.usable, endpoint) == 0) ways.usable.push_back(endpoint);
      }
    }
  if (has_bridge(vm) && ways.awaited.empty()) ways.awaited = "an address of it";
  ways.usable.insert(ways.usable.end(), vsocks.begin(), vsocks.end());
}

}  // namespace

std::string to_text(const SshEndpoint& endpoint) {
  if (endpoint.kind == SshEndpoint::Kind::vsock)
    return fmt::format("vsock {}, port {}", printable(endpoint.address), endpoint.port);
  const auto address = printable(endpoint.address);
  return fmt::format("{}:{}", address.find(':') == std::string::npos ? address : "[" + address + "]", endpoint.port);
}

SshWays ssh_ways(const VmInfo& vm) {
  SshWays ways;
  look_at_forwards(vm, ways);
  look_at_addresses(vm, ways);
  if (!ways.obstacle.empty()) return ways;
  if (has_bridge(vm)) {
    ways.obstacle = "its address is not known";
    ways.hint =
        "Its guest agent tells it:  install qemu-guest-agent in the guest\n"
        "Look into the guest:  virtsessionctl console " +
        vm.command_word();
  } else if (vm.value("Networks").empty()) {
    ways.obstacle = "it has no network interface";
    ways.hint = "Add one of the type user to its definition, and then:  " + add_command(vm);
  } else {
    ways.obstacle = "nothing leads from here to its port 22";
    ways.hint = "Make a forward:  " + add_command(vm);
  }
  return ways;
}

}  // namespace virtsession::ctl
