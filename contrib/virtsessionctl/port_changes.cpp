// SPDX-License-Identifier: LGPL-2.1-or-later
#include "port_changes.hpp"

#include "console.hpp"
#include "text.hpp"

#include <algorithm>
#include <optional>

namespace virtsession::ctl {
namespace {

PortSpec spec_of(const std::string& word) {
  auto spec = parse_port_spec(word.substr(1));
  if (!spec)
    throw Failure(kUsage, printable(spec.error().message),
                  "For example, a free port of this host that leads to port 22 of the guest:  +auto:22");
  return *std::move(spec);
}

/// What a policy has and cannot be read is left as it is.
bool means(const std::string& entry, const PortSpec& wanted) {
  const auto spec = parse_port_spec(entry);
  return spec && to_text(*spec) == to_text(wanted);
}

/// The policy's text of a forward that has this port now.
std::string text_of_forward(const VmInfo& vm, const PortSpec& wanted) {
  const auto& forwards = vm.value("Forwards");
  if (!forwards.is_array()) return {};
  for (const auto& row : forwards) {
    const Properties forward(row);
    if (forward.text("host_address") == wanted.host.address && forward.number("host_port") == wanted.host.port &&
        forward.text("protocol") == to_text(wanted.host.protocol) && forward.number("guest_port") == wanted.guest_port)
      return forward.text("spec");
  }
  return {};
}

void remove(const VmInfo& vm, PortChanges& changes, const PortSpec& wanted) {
  auto found = std::ranges::find_if(changes.ports, [&](const auto& entry) { return means(entry, wanted); });
  if (found == changes.ports.end()) found = std::ranges::find(changes.ports, text_of_forward(vm, wanted));
  if (found == changes.ports.end())
    throw Failure(kFailed, printable(vm.name()) + ": its ports have no " + printable(wanted.text),
                  "Those that it has:  virtsessionctl ports " + vm.command_word());
  changes.ports.erase(found);
  changes.removed.push_back(wanted);
}

void add(PortChanges& changes, const PortSpec& wanted) {
  if (std::ranges::any_of(changes.ports, [&](const auto& entry) { return means(entry, wanted); })) {
    changes.kept.push_back(wanted);
    return;
  }
  changes.ports.push_back(wanted.text);
  changes.added.push_back(wanted);
}

}  // namespace

bool is_port_change(const std::string& word) {
  if (word.size() < 2 || word.starts_with("--")) return false;
  return word.front() == '+' || (word.front() == '-' && word.find(':') != std::string::npos);
}

PortChanges change_ports(const VmInfo& vm, const std::vector<std::string>& words) {
  PortChanges changes;
  if (const auto& ports = vm.value("Policy").value("ports", nlohmann::json::array()); ports.is_array())
    for (const auto& entry : ports) changes.ports.push_back(entry.get<std::string>());
  for (const auto& word : words) {
    const auto spec = spec_of(word);
    if (word.front() == '+')
      add(changes, spec);
    else
      remove(vm, changes, spec);
  }
  return changes;
}

}  // namespace virtsession::ctl
