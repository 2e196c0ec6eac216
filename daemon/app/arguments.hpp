// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

namespace virtsession {

/// What the command line asks for.
struct Arguments {
  std::optional<int> exit_code;    ///< it has been done already (--help, --check-config): exit with this
  std::string config_file;         ///< --config; empty: where it usually lies
  bool resume_stop = false;        ///< --resume-stop: go on with a stop that the last instance did not end, if any
  bool last_resort = false;        ///< --last-resort: stop VMs when the session ends and nobody else did
  std::optional<std::string> uri;  ///< --connect: use this libvirt, and manage no daemon and no unit
};

/// Reads the command line. Does what needs no daemon (--help, --version, --check-config) and reports mistakes on
/// standard error, with exit code 64 (EX_USAGE).
Arguments parse_arguments(int argc, char** argv);

}  // namespace virtsession
