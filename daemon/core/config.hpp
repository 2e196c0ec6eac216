// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/policy.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

enum class LibvirtDaemonChoice { automatic, libvirtd, virtqemud };

template <>
inline constexpr auto kEnumText<LibvirtDaemonChoice> = EnumText<LibvirtDaemonChoice, 3>{{{
    {LibvirtDaemonChoice::automatic, "auto"},
    {LibvirtDaemonChoice::libvirtd, "libvirtd"},
    {LibvirtDaemonChoice::virtqemud, "virtqemud"},
}}};

enum class LogLevel { debug, info, warning, error };

template <>
inline constexpr auto kEnumText<LogLevel> = EnumText<LogLevel, 4>{{{
    {LogLevel::debug, "debug"},
    {LogLevel::info, "info"},
    {LogLevel::warning, "warning"},
    {LogLevel::error, "error"},
}}};

/// The daemon's configuration; the initialisers are the built-in defaults, the key of each is its name.
struct Config {
  LibvirtDaemonChoice libvirt_daemon = LibvirtDaemonChoice::automatic;
  bool autostart = true;           ///< start the marked VMs at login
  std::int64_t parallel = 4;       ///< VMs that start at once, of one order; 1 to 4
  std::int64_t stop_parallel = 8;  ///< VMs that are stopped at once, of one order; 1 to 64
  bool notifications = true;       ///< tell the desktop when a person should act
  std::int64_t history_size = 50;  ///< changes that are kept of each VM
  LogLevel log_level = LogLevel::info;
  nlohmann::json defaults = nlohmann::json::object();  ///< checked policy keys

  bool operator==(const Config&) const = default;
};

/// What came of reading a configuration text. It can be used as a whole or not at all.
struct ConfigText {
  Config config;
  std::vector<Problem> problems;  ///< none: `config` is good
};

/// Reads JSON with comments. The first problem of a text that is no JSON has line and column in it.
ConfigText read_config(std::string_view text);

/// All problems in one sentence each, for an error or a terminal.
std::string to_text(const std::vector<Problem>& problems);

/// For the schema: the top-level key's type, range and default. Null when there is no such key.
nlohmann::json config_key_schema(std::string_view key);
std::vector<std::string_view> config_key_names();

}  // namespace virtsession
