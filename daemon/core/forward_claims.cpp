// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/forward_claims.hpp"

#include "core/vm.hpp"

#include <algorithm>

namespace virtsession {

void ForwardClaims::add(const ForwardLook& look) {
  const auto& domain = look.vm.domain();
  for (const auto& wanted : look.wanted) add(look, wanted);
  for (const auto& forward : look.known.there.value_or(std::vector<Forward>())) add(look.vm, forward.host, Rank::has);
  for (const auto& forward : domain.forwards) add(look.vm, forward.host, Rank::has);
  for (const auto& forward : domain.next_forwards) add(look.vm, forward.host, Rank::off);
}

void ForwardClaims::add(const ForwardLook& look, const WantedForward& wanted) {
  if (!wanted.impossible.empty()) return;
  // One that something else has is in nobody's way.
  if (failure_of(look.known.failed, wanted.by_alias())) return;
  add(look.vm, wanted.host, rank_of(look, wanted));
}

void ForwardClaims::add(const Vm& vm, const HostPort& host, Rank rank) {
  if (host.port == 0) return;
  Claim claim;
  claim.name = vm.name();
  claim.uuid = vm.uuid();
  claim.host = host;
  claim.rank = rank;
  claim.order = vm.policy().start_order;
  claims_[host.port].push_back(std::move(claim));
}

/// passt takes what is new at the next start alone.
ForwardClaims::Rank ForwardClaims::rank_of(const ForwardLook& look, const WantedForward& wanted) {
  const auto& domain = look.vm.domain();
  const bool by_passt = wanted.is_by(Forwarder::passt);
  const auto& there = by_passt ? domain.forwards : look.known.there.value_or(std::vector<Forward>());
  const auto forward = by_passt ? wanted.by_mac() : wanted.by_alias();
  if (std::ranges::any_of(there, [&](const Forward& one) { return fulfils(one, forward); })) return Rank::has;
  return domain.active() && !by_passt ? Rank::runs : Rank::off;
}

const ForwardClaims::Claim* ForwardClaims::first_beside(const Vm& vm, const HostPort& host) const {
  const auto claims = claims_.find(host.port);
  const Claim* first = nullptr;
  if (claims == claims_.end()) return first;
  for (const auto& claim : claims->second)
    if (claim.uuid != vm.uuid() && overlap(claim.host, host) && (!first || claim.place() < first->place()))
      first = &claim;
  return first;
}

FindRival ForwardClaims::rival_of(const Vm& vm) const {
  return [this, &vm](const HostPort& host) -> const Rival* {
    const auto* rival = first_beside(vm, host);
    if (!rival) return nullptr;
    for (const auto& own : claims_.at(host.port))
      if (own.uuid == vm.uuid() && own.host == host && own.place() < rival->place()) return nullptr;
    return rival;
  };
}

FindRival ForwardClaims::any_beside(const Vm& vm) const {
  return [this, &vm](const HostPort& host) -> const Rival* { return first_beside(vm, host); };
}

FindRival ForwardClaims::holder_beside(const Vm& vm) const {
  return [this, &vm](const HostPort& host) -> const Rival* {
    const auto* rival = first_beside(vm, host);
    if (!rival || rival->rank == Rank::off) return nullptr;
    for (const auto& own : claims_.at(host.port))
      if (own.uuid == vm.uuid() && own.host == host && own.rank == Rank::has) return nullptr;
    return rival;
  };
}

}  // namespace virtsession
