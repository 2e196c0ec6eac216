// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace virtsession {

class Vms;

/// The systemd scope that a running VM should have.
struct ScopeWish {
  std::string name;  ///< of the VM
  int domain_id = -1;
  std::optional<std::int64_t> cpu_weight, io_weight, memory_high_mib;
  std::set<std::string> after_units;  ///< that are stopped after it

  bool operator==(const ScopeWish&) const = default;
};

/// A service that a VM has to answer at before it is ready.
struct TcpProbe {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const TcpProbe&) const = default;
};

/// By uuid: the scope of each VM that runs.
std::map<std::string, ScopeWish> scope_wishes(const Vms& vms);
/// By uuid: the service of each VM that waits to be ready by TCP.
std::map<std::string, TcpProbe> tcp_probes(const Vms& vms);

}  // namespace virtsession
