// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network_view.hpp"

#include "texts/translate.hpp"

#include <algorithm>

namespace virtsession::window {
namespace {

using namespace texts;
using nlohmann::json;

std::vector<Properties> rows_of(const VmInfo& vm, const char* property) {
  std::vector<Properties> rows;
  for (const auto& row : vm.value(property))
    if (row.is_object()) rows.emplace_back(row);
  return rows;
}

std::string host_port(const Properties& forward) {
  const auto port = forward.number("host_port");
  return port == 0 ? _("automatic") : std::to_string(port);
}

std::string guest_port(const Properties& forward) {
  const auto port = std::to_string(forward.number("guest_port"));
  return forward.text("protocol") == "udp" ? port + " (UDP)" : port;
}

std::string host_address(const Properties& forward) {
  const auto address = forward.text("host_address");
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

/// The state's word; empty for one that only a later virtsessiond has.
struct State {
  Tone tone;
  const char* icon;
  std::string word;
};

State state_of(const std::string& state) {
  if (state == "active") return {Tone::good, "object-select-symbolic", _("Active")};
  if (state == "off") return {Tone::faint, "media-playback-stop-symbolic", _("Made when the machine starts")};
  if (state == "next-start") return {Tone::attention, "view-refresh-symbolic", _("From the next start on")};
  if (state == "failed") return {Tone::bad, "dialog-error-symbolic", _("Failed")};
  if (state == "impossible") return {Tone::bad, "dialog-error-symbolic", _("Not possible")};
  return {Tone::faint, "dialog-question-symbolic", state};
}

std::string source_text(const std::string& source) {
  if (source == "agent") return _("the guest says so");
  if (source == "arp") return _("seen on the network");
  if (source == "vsock") return _("vsock, from this computer only");
  return source;
}

json ports_of(const VmInfo& vm) {
  const auto& policy = vm.value("Policy");
  const auto found = policy.is_object() ? policy.find("ports") : policy.end();
  return found != policy.end() && found->is_array() ? *found : json::array();
}

}  // namespace

std::vector<ForwardView> forwards_of(const VmInfo& vm) {
  std::vector<ForwardView> forwards;
  for (const auto& row : rows_of(vm, "Forwards")) {
    const auto state = state_of(row.text("state"));
    const auto reason = row.text("reason");
    ForwardView forward{.title = host_address(row) + ":" + host_port(row) + " → " + guest_port(row),
                        .note = reason.empty() ? state.word : state.word + ": " + reason,
                        .tone = state.tone,
                        .icon = state.icon,
                        .spec = row.text("spec")};
    if (forward.spec.empty()) forward.note += std::string(" · ") + _("made by another program");
    forwards.push_back(std::move(forward));
  }
  return forwards;
}

std::string forwards_line(const VmInfo& vm) {
  std::string line;
  for (const auto& row : rows_of(vm, "Forwards")) {
    const auto state = row.text("state");
    if (state == "failed" || state == "impossible") continue;
    line += (line.empty() ? "" : ", ") + host_port(row) + " → " + guest_port(row);
  }
  return line;
}

bool has_failed_forward(const VmInfo& vm) {
  return std::ranges::any_of(rows_of(vm, "Forwards"), [](const auto& row) { return row.text("state") == "failed"; });
}

std::vector<AddressView> addresses_of(const VmInfo& vm) {
  std::vector<AddressView> addresses;
  for (const auto& row : rows_of(vm, "Addresses")) {
    const auto source = row.text("source"), nic = row.text("nic");
    if (source == "forward") continue;
    addresses.push_back({row.text("address"), source_text(source) + (nic.empty() ? "" : " · " + nic)});
  }
  return addresses;
}

std::string ssh_line(const VmInfo& vm) {
  const auto forwards = rows_of(vm, "Forwards");
  const bool has_way = std::ranges::any_of(forwards, [](const auto& row) {
    return row.text("state") == "active" && row.text("protocol") == "tcp" && row.number("guest_port") == 22;
  });
  if (!vm.is_active() || (!has_way && vm.value("Addresses").empty())) return {};
  return "virtsessionctl ssh " + vm.command_word();
}

std::string spec_of(const NewForward& forward) {
  auto spec = (forward.for_others ? "0.0.0.0:" : "") +
              (forward.host_port == 0 ? std::string("auto") : std::to_string(forward.host_port)) + ":" +
              std::to_string(forward.guest_port);
  return forward.udp ? spec + "/udp" : spec;
}

json ports_with(const VmInfo& vm, const std::string& spec) {
  auto ports = ports_of(vm);
  ports.push_back(spec);
  return ports;
}

json ports_without(const VmInfo& vm, const std::string& spec) {
  auto rest = json::array();
  for (const auto& one : ports_of(vm))
    if (one != spec) rest.push_back(one);
  return rest;
}

}  // namespace virtsession::window
