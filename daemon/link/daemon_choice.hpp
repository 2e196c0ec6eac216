// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/config.hpp"

#include <string>

namespace virtsession {

/// What decides which daemon libvirt's clients reach, and so which one is kept running.
struct DaemonFacts {
  bool has_libvirtd = false;  ///< it is installed
  bool has_virtqemud = false;
  bool libvirtd_socket = false;  ///< the file is there, whoever listens at it
  bool virtqemud_socket = false;
  std::string built_in;  ///< what the client library falls back on
};

/// Looks, from any thread. \param runtime_dir $XDG_RUNTIME_DIR
DaemonFacts read_daemon_facts(const std::string& runtime_dir);

/// "libvirtd" or "virtqemud": the one that is asked for; else the only one that is installed; else the one that
/// libvirt's clients choose as well, by the socket that is there or by what they were built with.
std::string choose_daemon(LibvirtDaemonChoice wanted, const DaemonFacts& facts);

}  // namespace virtsession
