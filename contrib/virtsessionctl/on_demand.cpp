// SPDX-License-Identifier: LGPL-2.1-or-later
#include "on_demand.hpp"

#include "util/files.hpp"
#include "util/printable.hpp"
#include "util/unit_name.hpp"
#include "util/user_folders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

namespace virtsession::ctl {
namespace {

constexpr const char* kFirstLine = "# Made by virtsessionctl on-demand, which replaces and removes it.\n";
constexpr const char* kPrefix = "virtsession-on-demand-";

/// A text in a unit's line: a "%" would be a specifier.
std::string in_unit(const std::string& text) {
  std::string line;
  for (const char c : printable(text)) line += c == '%' ? "%%" : std::string(1, c);
  return line;
}

std::map<std::string, std::string> our_section(const std::string& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  bool ours = false;
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (line.starts_with('['))
      ours = line == "[X-Virtsession]";
    else if (ours && equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return values;
}

}  // namespace

std::string unit_of_vm(const std::string& name) { return "virtsession-vm@" + escape_for_unit(name) + ".service"; }

std::string endpoint(const HostPort& host) {
  const bool is_ipv6 = host.address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host.address + "]" : host.address) + ":" + std::to_string(host.port);
}

std::string OnDemand::unit() const { return kPrefix + escape_for_unit(name) + "-" + std::to_string(listen.port); }

std::string OnDemand::forward_spec() const { return fmt::format("{}:{}", forward.port, guest_port); }

std::string OnDemand::socket_text() const {
  return fmt::format(R"({}[Unit]
Description=Port {} of the virtual machine "{}", started on demand

[Socket]
ListenStream={}
# When the VM does not start, those who wait are let go, and the next connection tries again. Without that, systemd would
# try at once and for ever, and give the socket up.
FlushPending=yes
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target

[X-Virtsession]
VM={}
Name={}
Listen={}:{}
Forward={}
Idle={}
SetStopActions={}
)",
                     kFirstLine, guest_port, in_unit(name), endpoint(listen), uuid, escape_for_unit(name),
                     endpoint(listen), guest_port, forward_spec(), idle, set_stop_actions ? "yes" : "no");
}

std::string OnDemand::service_text(const std::string& proxy, const std::string& waits) const {
  // Simple: systemd 252 takes the proxy's word that it is ready for a mistake. Bound: with the VM, it ends; the next
  // connection starts both.
  return fmt::format(R"({0}[Unit]
Description=Connections to port {1} of the virtual machine "{2}"
BindsTo={3}
After={3}
StartLimitIntervalSec=0

[Service]
Type=simple
# The guest may need longer until its service listens than until it is ready by its policy.
ExecStartPre={4} --wait-for-guest {5} {6} 120
ExecStart={7} --exit-idle-time={8} {9}
TimeoutStartSec=180
)",
                     kFirstLine, guest_port, in_unit(name), unit_of_vm(name), waits, forward.address, forward.port,
                     proxy, idle, endpoint(forward));
}

std::string vm_drop_in_text() {
  return std::string(kFirstLine) + R"([Unit]
StopWhenUnneeded=yes
# Each connection is a try.
StartLimitIntervalSec=0

[Service]
# When nobody is connected any more, a VM that a person started runs on.
Environment=VIRTSESSION_KEEP_OTHERS=1
)";
}

bool is_ours(const std::string& text) { return text.starts_with(kFirstLine); }

Result<OnDemand> parse_on_demand(const std::string& text) {
  auto values = is_ours(text) ? our_section(text) : std::map<std::string, std::string>();
  const auto listen = parse_port_spec(values["Listen"]);
  const auto forward = parse_port_spec(values["Forward"]);
  if (!listen || !forward || values["VM"].empty())
    return Error{ErrorCode::invalid_args, "it was not made by virtsessionctl on-demand"};
  OnDemand on_demand;
  on_demand.uuid = values["VM"];
  on_demand.name = unescape_from_unit(values["Name"]);
  on_demand.listen = listen->host;
  on_demand.forward = forward->host;
  on_demand.guest_port = listen->guest_port;
  on_demand.idle = values["Idle"];
  on_demand.set_stop_actions = values["SetStopActions"] == "yes";
  return on_demand;
}

std::string unit_folder() { return own_folders().config + "/systemd/user"; }

std::vector<OnDemand> read_on_demand(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(".socket")) files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  std::vector<OnDemand> found;
  for (const auto& file : files) {
    const auto text = read_file(file);
    if (!text || !*text) continue;
    auto one = parse_on_demand(**text);
    if (one) found.push_back(std::move(one).value());
  }
  return found;
}

}  // namespace virtsession::ctl
