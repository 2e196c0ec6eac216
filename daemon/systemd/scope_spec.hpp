// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace virtsession {

/// What a scope may use, see systemd.resource-control(5). Nothing means systemd's default: no weight of its own, no
/// limit.
struct ScopeLimits {
  std::optional<std::uint64_t> cpu_weight;  ///< 1 to 10000
  std::optional<std::uint64_t> io_weight;   ///< 1 to 10000
  std::optional<std::uint64_t> memory_high_bytes;

  bool operator==(const ScopeLimits&) const = default;
};

/// A scope for processes that run already, see systemd.scope(5).
struct ScopeSpec {
  std::string unit;  ///< NAME.scope
  std::string description;
  ScopeLimits limits;
  std::set<std::string> after_units{};  ///< that are stopped after it, besides those that all scopes need
};

}  // namespace virtsession
