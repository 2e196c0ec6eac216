// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/forward_plan.hpp"

#include "core/list_text.hpp"

#include <algorithm>
#include <cctype>

namespace virtsession {
namespace {

const char* const kNextStart = "passt takes new forwards only when the VM starts";
const char* const kUntilTheEnd = "passt keeps it until the VM stops";
const char* const kBeingMade = "it is being made";

std::string attached_to(const Network& network) {
  return network.type + (network.source.empty() ? "" : " " + in_quotes(network.source));
}

bool is_nic(const Network& network, const std::string& name) {
  return network.nic == name || std::ranges::equal(network.mac, name, [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

/// Sets the NIC, or why there is none.
void find_nic(WantedForward& wanted, const std::vector<Network>& networks) {
  const auto& name = wanted.spec->nic;
  for (const auto& network : networks) {
    if (name.empty() ? forwarder_of(network) == Forwarder::none : !is_nic(network, name)) continue;
    wanted.network = &network;
    break;
  }
  if (!wanted.network && name.empty())
    wanted.impossible = "the VM has no network interface of type user, which alone forwards ports";
  else if (!wanted.network)
    wanted.impossible = "the VM has no network interface " + name;
  else if (forwarder_of(*wanted.network) == Forwarder::none)
    wanted.impossible = "the network interface " + name + " is of type " + attached_to(*wanted.network) +
                        ", and only one of type user forwards ports";
  else if (forwarder_of(*wanted.network) == Forwarder::slirp && wanted.host.address.find(':') != std::string::npos)
    wanted.impossible = "QEMU's own user networking forwards IPv4 only; a network interface with passt does both";
}

bool has(const std::vector<Forward>& forwards, const Forward& wanted) {
  return std::ranges::any_of(forwards, [&](const Forward& there) { return fulfils(there, wanted); });
}

ForwardView view_of(const WantedForward& wanted, ForwardState state, std::string reason = {}) {
  const auto nic = wanted.network ? wanted.network->nic : std::string();
  return {{nic, wanted.host, wanted.spec->guest_port}, state, std::move(reason), wanted.spec->text};
}

/// Of a VM that runs.
ForwardView running_view(const DomainSnapshot& domain, const WantedForward& wanted, const KnownForwards& known,
                         const FindRival& find_rival) {
  const bool by_passt = wanted.is_by(Forwarder::passt);
  if (by_passt ? has(domain.forwards, wanted.by_mac()) : known.there && has(*known.there, wanted.by_alias()))
    return view_of(wanted, ForwardState::active);
  if (by_passt && !domain.persistent)
    return view_of(wanted, ForwardState::impossible, "passt forwards what its definition says, and it is transient");
  if (!by_passt && !known.unsupported.empty()) return view_of(wanted, ForwardState::impossible, known.unsupported);
  if (const auto* rival = find_rival(wanted.host))
    return view_of(wanted, ForwardState::failed, "VM " + in_quotes(rival->name) + " has " + to_text(wanted.host));
  if (by_passt && !known.not_defined.empty()) return view_of(wanted, ForwardState::failed, known.not_defined);
  const auto* failure = failure_of(known.failed, by_passt ? wanted.by_mac() : wanted.by_alias());
  if (by_passt && failure)
    return view_of(wanted, ForwardState::failed, failure->reason + "; the next start of the VM tries again");
  if (by_passt) return view_of(wanted, ForwardState::next_start, kNextStart);
  if (!failure) return view_of(wanted, ForwardState::off, kBeingMade);
  return view_of(wanted, failure->retry_helps ? ForwardState::failed : ForwardState::impossible, failure->reason);
}

ForwardView off_view(const WantedForward& wanted, const KnownForwards& known, const FindRival& find_rival) {
  if (const auto* rival = find_rival(wanted.host))
    return view_of(wanted, ForwardState::off,
                   "VM " + in_quotes(rival->name) + " has " + to_text(wanted.host) + ", or gets it first");
  return view_of(wanted, ForwardState::off, wanted.is_by(Forwarder::passt) ? known.not_defined : std::string());
}

/// Those that the policy does not want, and that it has not made.
void append_others(std::vector<ForwardView>& views, const std::vector<Forward>& there, ForwardState state,
                   const std::string& reason, const DomainSnapshot& domain) {
  for (const auto& forward : there) {
    auto shown = forward;
    for (const auto& network : domain.networks)
      if (network.mac == forward.nic) shown.nic = network.nic;
    const bool is_shown =
        std::ranges::any_of(views, [&](const ForwardView& view) { return fulfils(shown, view.forward); });
    if (!is_shown) views.push_back({shown, state, reason, {}});
  }
}

/// One of passt's that the policy does not want: whether the next start brings it again. A transient VM has none.
bool stays(const DomainSnapshot& domain, const Forward& forward) {
  const auto is_in = [&](const std::vector<Forward>& list) { return std::ranges::find(list, forward) != list.end(); };
  return !domain.persistent || (is_in(domain.next_forwards) && !is_in(domain.own_forwards));
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace

Forwarder forwarder_of(const Network& network) {
  if (network.source == "passt" && (network.type == "user" || network.type == "vhostuser")) return Forwarder::passt;
  return network.type == "user" ? Forwarder::slirp : Forwarder::none;
}

std::vector<WantedForward> wanted_forwards(const std::vector<PortSpec>& specs, const DomainSnapshot& domain,
                                           const std::map<std::string, std::uint16_t>& chosen) {
  std::vector<WantedForward> result;
  result.reserve(specs.size());
  for (const auto& spec : specs) {
    WantedForward wanted{.spec = &spec, .host = spec.host};
    const auto known = spec.host.port == 0 ? chosen.find(spec.text) : chosen.end();
    if (known != chosen.end()) wanted.host.port = known->second;
    find_nic(wanted, domain.networks);
    result.push_back(std::move(wanted));
  }
  return result;
}

std::uint16_t choose_port(const std::string& uuid, const PortSpec& spec, const std::vector<Forward>& there,
                          const std::function<bool(const HostPort& host)>& taken) {
  for (const auto& forward : there) {
    const bool in_range = forward.host.port >= kFirstAutoPort && forward.host.port <= kLastAutoPort;
    const auto& host = forward.host;
    if (in_range && forward.guest_port == spec.guest_port && host.protocol == spec.host.protocol &&
        host.address == spec.host.address)
      return host.port;
  }
  constexpr std::uint64_t kPorts = kLastAutoPort - kFirstAutoPort + 1;
  const auto hash =
      fnv1a(uuid + "/" + std::string(to_text(spec.host.protocol)) + "/" + std::to_string(spec.guest_port));
  auto host = spec.host;
  for (std::uint64_t i = 0; i < kPorts; ++i) {
    host.port = static_cast<std::uint16_t>(kFirstAutoPort + (hash + i) % kPorts);
    if (!taken(host)) return host.port;
  }
  return static_cast<std::uint16_t>(kFirstAutoPort + hash % kPorts);
}

bool fulfils(const Forward& there, const Forward& wanted) {
  if (there.nic != wanted.nic || there.guest_port != wanted.guest_port) return false;
  if (there.host == wanted.host) return true;
  const bool on_all = there.host.address == "0.0.0.0" || there.host.address == "::";
  return on_all && overlap(there.host, wanted.host);
}

const ForwardFailure* failure_of(const std::vector<ForwardFailure>& failed, const Forward& forward) {
  const auto found = std::ranges::find(failed, forward, &ForwardFailure::forward);
  return found == failed.end() ? nullptr : &*found;
}

std::vector<ForwardView> forward_views(const DomainSnapshot& domain, const std::vector<WantedForward>& wanted,
                                       const KnownForwards& known, const FindRival& find_rival) {
  std::vector<ForwardView> views;
  for (const auto& each : wanted) {
    if (!each.impossible.empty())
      views.push_back(view_of(each, ForwardState::impossible, each.impossible));
    else
      views.push_back(domain.active() ? running_view(domain, each, known, find_rival)
                                      : off_view(each, known, find_rival));
  }
  if (!domain.active()) {
    append_others(views, domain.next_forwards, ForwardState::off, {}, domain);
    return views;
  }
  std::vector<Forward> others;  // what is about to be removed is not shown any more
  for (const auto& forward : known.there.value_or(std::vector<Forward>()))
    if (std::ranges::find(known.ours, forward) == known.ours.end()) others.push_back(forward);
  append_others(views, others, ForwardState::active, {}, domain);
  std::vector<Forward> lasting, going;
  for (const auto& forward : domain.forwards) (stays(domain, forward) ? lasting : going).push_back(forward);
  append_others(views, lasting, ForwardState::active, {}, domain);
  append_others(views, going, ForwardState::active, kUntilTheEnd, domain);
  append_others(views, domain.next_forwards, ForwardState::next_start, kNextStart, domain);
  return views;
}

std::vector<Address> addresses_of(const std::vector<ForwardView>& forwards) {
  std::vector<Address> addresses;
  for (const auto& view : forwards)
    if (view.state == ForwardState::active)
      addresses.push_back(
          {view.forward.host.address, view.forward.nic, "", AddressSource::forward, std::optional(view.forward)});
  return addresses;
}

std::optional<call::SyncForwards> missing_forwards(const std::vector<WantedForward>& wanted, const KnownForwards& known,
                                                   const FindRival& find_rival) {
  if (!known.unsupported.empty()) return {};
  const bool any =
      !known.ours.empty() || std::ranges::any_of(wanted, [](const auto& each) { return each.is_by(Forwarder::slirp); });
  if (!known.there) return any ? std::optional(call::SyncForwards{}) : std::nullopt;
  call::SyncForwards call;
  for (const auto& each : wanted) {
    if (!each.is_by(Forwarder::slirp) || each.host.port == 0) continue;
    if (!has(*known.there, each.by_alias()) && !find_rival(each.host)) call.add.push_back(each.by_alias());
  }
  for (const auto& forward : known.ours) {
    const bool is_wanted = std::ranges::any_of(wanted, [&](const WantedForward& each) {
      return each.is_by(Forwarder::slirp) && fulfils(forward, each.by_alias());
    });
    if (!is_wanted) call.remove.push_back(forward);
  }
  if (call.add.empty() && call.remove.empty()) return {};
  return call;
}

std::optional<call::DefineForwards> missing_definition(const DomainSnapshot& domain,
                                                       const std::vector<WantedForward>& wanted,
                                                       const FindRival& find_rival) {
  std::vector<Forward> others;  // by a person
  for (const auto& forward : domain.next_forwards)
    if (std::ranges::find(domain.own_forwards, forward) == domain.own_forwards.end()) others.push_back(forward);
  call::DefineForwards call;
  for (const auto& each : wanted) {
    if (!each.is_by(Forwarder::passt) || each.host.port == 0) continue;
    if (!has(others, each.by_mac()) && !find_rival(each.host)) call.wanted.push_back(each.by_mac());
  }
  auto has_now = domain.own_forwards, to_have = call.wanted;
  std::ranges::sort(has_now);
  std::ranges::sort(to_have);
  const bool all_there = std::ranges::all_of(domain.own_forwards, [&](const Forward& own) {
    return std::ranges::find(domain.next_forwards, own) != domain.next_forwards.end();
  });
  if (has_now == to_have && all_there) return {};
  return call;
}

}  // namespace virtsession
