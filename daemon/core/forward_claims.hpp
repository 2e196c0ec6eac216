// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/forward_plan.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace virtsession {

class Vm;

/// A VM whose forwards are looked at, and what is derived from it for that time.
struct ForwardLook {
  const Vm& vm;
  KnownForwards& known;
  std::vector<WantedForward> wanted;
};

/// Which ports of the host VMs have and want. Who runs and has a port keeps it; then comes who runs, then the others,
/// in the order of their starts.
class ForwardClaims {
 public:
  /// All that a VM has and wants, but for ports that are yet to be chosen.
  void add(const ForwardLook& look);
  /// A port that was chosen since.
  void add(const ForwardLook& look, const WantedForward& wanted);

  /// For a port of this VM's: the other VM that has it, or comes before it. The claims have to outlive it.
  FindRival rival_of(const Vm& vm) const;
  /// The other VM that runs and has the port, or is about to.
  FindRival holder_beside(const Vm& vm) const;
  /// Another VM that has the port, or wants it.
  FindRival any_beside(const Vm& vm) const;

 private:
  enum class Rank { has, runs, off };
  struct Claim : Rival {
    std::string uuid;
    HostPort host;
    Rank rank = Rank::off;
    std::int64_t order = 0;

    auto place() const { return std::tie(rank, order, name, uuid); }
  };

  void add(const Vm& vm, const HostPort& host, Rank rank);
  static Rank rank_of(const ForwardLook& look, const WantedForward& wanted);
  /// The first of another VM that overlaps.
  const Claim* first_beside(const Vm& vm, const HostPort& host) const;

  std::map<std::uint16_t, std::vector<Claim>> claims_;  ///< by port
};

}  // namespace virtsession
