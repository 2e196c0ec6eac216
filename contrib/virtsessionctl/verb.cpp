// SPDX-License-Identifier: LGPL-2.1-or-later
#include "verb.hpp"

namespace virtsession::ctl {

void add_timeout(CLI::App& command, Waiting& waiting, const std::string& description) {
  command.add_option("--timeout", waiting.timeout_sec, description)
      ->option_text("SEC")
      ->check(CLI::Range(0.001, 86400.0));
}

void add_no_block(CLI::App& command, Waiting& waiting) {
  command.add_flag("--no-block", waiting.no_block, "Do not wait until it is done");
}

void add_vms(CLI::App& command, std::vector<std::string>& patterns) {
  command.add_option("VM", patterns, "Names, uuids or patterns ('web*')")->required();
}

}  // namespace virtsession::ctl
