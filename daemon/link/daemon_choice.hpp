// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/config.hpp"

#include <optional>
#include <string>

namespace virtsession {

/// What decides which of libvirt's two session daemons is kept running.
struct DaemonFacts {
  struct OfDaemon {
    bool installed = false;
    bool enabled = false;  ///< our unit of its socket starts at login
    bool listens = false;  ///< somebody does at its socket; a file where nobody does says nothing
  };
  OfDaemon libvirtd;
  OfDaemon virtqemud;
  std::string built_in;  ///< what the client library falls back on
};

/// Looks, from any thread; shortly. \param runtime_dir $XDG_RUNTIME_DIR \param config_home $XDG_CONFIG_HOME;
/// empty: units that the user has enabled are not looked for
DaemonFacts read_daemon_facts(const std::string& runtime_dir, const std::string& config_home);

/// "libvirtd" or "virtqemud". This is the rule, the first that says something:
/// the one that the configuration asks for; the only one that is installed; the only one whose socket is enabled; when
/// both are enabled, the built-in one; the only one that somebody listens for; the built-in one.
std::string choose_daemon(LibvirtDaemonChoice wanted, const DaemonFacts& facts);

/// Why a daemon that the configuration asks for cannot be kept: it is not installed. Nothing when it can.
std::optional<Problem> daemon_problem(LibvirtDaemonChoice wanted, const DaemonFacts& facts);

/// What a person should know of how it was chosen: that the sockets of both are enabled. Empty when nothing.
std::string choice_warning(const DaemonFacts& facts, const std::string& chosen);

/// The one of the two that `daemon` is not.
std::string other_daemon(const std::string& daemon);
/// Where its clients look for it. \param runtime_dir $XDG_RUNTIME_DIR
std::string daemon_socket(const std::string& runtime_dir, const std::string& daemon);

}  // namespace virtsession
