// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/text.hpp"

#include "core/utf8.hpp"

#include <cstdint>
#include <utility>

namespace virtsession {

namespace {

void make_valid(std::string& text) { text = valid_utf8(text); }

void make_valid(std::vector<Problem>& problems) {
  for (Problem& problem : problems) {
    make_valid(problem.pointer);
    make_valid(problem.text);
    make_valid(problem.suggestion);
  }
}

}  // namespace

VmView with_valid_utf8(VmView view) {
  for (std::string* text :
       {&view.uuid, &view.name, &view.title, &view.state_reason, &view.phase_reason, &view.last_error, &view.scope})
    make_valid(*text);
  make_valid(view.policy_problems);
  for (Network& network : view.networks) {
    make_valid(network.type);
    make_valid(network.source);
    make_valid(network.mac);
  }
  for (ForwardView& forward : view.forwards)
    for (std::string* text : {&forward.forward.nic, &forward.forward.host.address, &forward.reason, &forward.spec})
      make_valid(*text);
  return view;
}

ManagerView with_valid_utf8(ManagerView view) {
  for (std::string* text : {&view.version, &view.libvirt_reason, &view.libvirt_daemon, &view.libvirt_version,
                            &view.autostart_reason, &view.config_path})
    make_valid(*text);
  std::map<std::string, std::uint32_t> counts;
  for (const auto& [key, count] : view.counts) counts[valid_utf8(key)] = count;
  view.counts = std::move(counts);
  make_valid(view.config_problems);
  return view;
}

}  // namespace virtsession
