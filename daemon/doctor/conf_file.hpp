// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// The settings of one of libvirt's configuration files, `key = value` a line, without quotes; lists are left out. What
/// makes no sense is passed over: libvirt itself reports it.
std::map<std::string, std::string> parse_libvirt_conf(std::string_view text);

/// The rules of a bridge.conf, and the files it includes. See qemu-bridge-helper in QEMU's source.
struct BridgeConf {
  std::vector<BridgeRule> rules;
  std::vector<std::string> includes;
};
BridgeConf parse_bridge_conf(std::string_view text);

/// Of an os-release(5).
Distribution parse_distribution(std::string_view os_release);

/// Whether one of the groups is in the text of net.ipv4.ping_group_range ("1\t0" is nobody).
bool in_ping_range(std::string_view text, const std::vector<gid_t>& groups);

}  // namespace virtsession
