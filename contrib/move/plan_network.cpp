// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"
#include "util/shell_word.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace virtsession::move {
namespace {

using Kind = NetworkChoice::Kind;

constexpr std::uint64_t kPasstVersion = 9002000;  // an interface without a MAC works from there on

/// What is left of a card is the guest's: model, MAC, address, boot order, link.
void convert(xmlNode* card, Kind kind, const std::string& bridge) {
  for (const char* name : {"source", "virtualport", "bandwidth", "vlan", "target", "script", "downscript", "filterref",
                           "port", "backend", "portForward", "ip", "route", "tune", "coalesce", "teaming"})
    remove_children(card, name);
  if (kind != Kind::bridge)
    for (const char* name : {"driver", "mtu"}) remove_children(card, name);
  set_attribute(card, "type", kind == Kind::bridge ? "bridge" : "user");
  remove_attribute(card, "trustGuestRxFilters");
  if (kind == Kind::bridge) set_attribute(add_child(card, "source"), "bridge", bridge);
  if (kind == Kind::passt) set_attribute(add_child(card, "backend"), "type", "passt");
}

std::string was(const xmlNode* card, const std::string& type) {
  for (const char* name : {"network", "bridge", "dev"})
    if (const auto value = attribute_at(card, "source", name); !value.empty()) return type + " " + value;
  return "of type " + type;
}

/// What a session can have as it is.
bool fits_session(const std::string& type) {
  constexpr std::array<std::string_view, 6> kFits{"user", "server", "client", "mcast", "udp", "null"};
  return std::ranges::find(kFits, type) != kFits.end();
}

void plan_card(Planning& planning, xmlNode* card) {
  const auto type = attribute(card, "type").value_or("");
  const auto what = "network card " + attribute_at(card, "mac", "address");
  const auto& choice = planning.request.network;
  remove_attribute(card, "managed");
  if (type == "hostdev" || type == "vdpa" || type == "vds") {
    if (planning.to_session())
      planning.block(what, "it is a device of the host, which a session cannot have", planning.virsh("edit"));
    return;
  }
  if (choice.kind == Kind::keep) {
    if (!planning.to_session() || fits_session(type)) return;
    if (type != "network" && type != "bridge")
      return planning.block(what, "was " + was(card, type) + ", which a session cannot have",
                            "virtsessionctl move " + shell_word(planning.plan.name) + " --network user");
  }
  const auto before = was(card, type);
  const auto kind = choice.kind == Kind::keep ? Kind::user : choice.kind;
  convert(card, kind, choice.bridge);
  if (kind == Kind::bridge)
    planning.keep(what, "was " + before + ", becomes bridge " + choice.bridge);
  else
    planning.lose(what,
                  "was " + before + ", becomes a user network" + (kind == Kind::passt ? " by passt" : "") +
                      ": the guest reaches out, gets another address, and is not reached from outside",
                  "virtsessionctl move " + shell_word(planning.plan.name) + " --network bridge:NAME");
}

}  // namespace

void plan_networks(Planning& planning) {
  const auto& target = planning.facts.target;
  if (planning.request.network.kind == Kind::passt && (!target.passt || target.libvirt_version < kPasstVersion))
    planning.block(
        "network",
        target.libvirt_version < kPasstVersion ? "this version of libvirt cannot use passt" : "passt is not installed",
        target.libvirt_version < kPasstVersion
            ? "virtsessionctl move " + shell_word(planning.plan.name) + " --network user"
            : "sudo apt-get install passt");
  for (auto* card : children(planning.devices(), "interface")) plan_card(planning, card);
}

}  // namespace virtsession::move
