// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"
#include "util/shell_word.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Words and shell commands for findings. Pure.
namespace virtsession {

/// "1.5 GiB", "512 KiB", "unlimited"
std::string size_text(std::uint64_t bytes);
/// "9.1.2" for 9001002
std::string version_text(unsigned long version);
/// "1 VM", "3 VMs"
std::string count_text(std::size_t count, const std::string& noun);
/// Of libvirt's words, which may go on for lines.
std::string first_line(const std::string& text);
/// "90 s", "1 min 30 s", "3 days"
std::string duration_text(std::int64_t seconds);

/// `virsh -c qemu:///session VERB NAME`
std::string virsh_command(const std::string& verb, const std::string& vm);

/// A package by its name on each distribution.
struct Package {
  const char* debian;
  const char* fedora;
  const char* arch;
};
/// The command that installs it; empty where we do not know.
std::string install_command(Distribution distribution, const Package& package);

/// A drop-in for a unit of the user manager, and for one of the system's, in effect after the unit's next start.
std::string user_drop_in(const std::string& unit, const std::string& setting);
std::string system_drop_in(const std::string& unit, const std::string& setting);

}  // namespace virtsession
