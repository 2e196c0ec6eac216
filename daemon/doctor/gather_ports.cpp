// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/gatherers.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <charconv>

namespace virtsession {

PortFacts gather_ports(const GatherOptions& options) {
  PortFacts facts;
  facts.listeners = port_listeners();
  find_holders(facts.listeners);
  const auto text = read_file(options.first_user_port);
  std::uint32_t first = 0;
  if (text && *text && std::from_chars((*text)->data(), (*text)->data() + (*text)->size(), first).ec == std::errc())
    facts.first_user_port = first;
  return facts;
}

std::vector<ForwardFacts> gather_forwards(const DoctorFacts& facts, std::chrono::milliseconds limit) {
  std::vector<HostPort> ports;
  const Picture picture(facts);
  for (const auto& checked : picture.vms)
    for (const auto& spec : checked.vm.ports)
      if (spec.host.protocol == PortProtocol::tcp &&
          std::ranges::any_of(facts.listeners, [&](const PortListener& listener) {
            return overlap(spec.host, listener.host) && is_of_vm(picture, checked, listener);
          }))
        ports.push_back(spec.host);
  const auto answers = probe_forwards(ports, limit);
  std::vector<ForwardFacts> forwards;
  for (std::size_t i = 0; i < ports.size(); ++i) forwards.push_back({ports[i], answers[i]});
  return forwards;
}

}  // namespace virtsession
