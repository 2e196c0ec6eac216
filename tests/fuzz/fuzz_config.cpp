// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/config.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>

using namespace virtsession;

/// A configuration is read without harm, and what was accepted means the same when it is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = read_config(text);
  for (const auto& problem : read.problems) PROMISE(!problem.text.empty());
  PROMISE(to_text(read.problems).empty() == read.problems.empty());
  if (!read.problems.empty()) return 0;

  const auto& config = read.config;
  PROMISE(config.parallel >= 1 && config.parallel <= 4);
  PROMISE(config.history_size >= 1 && config.history_size <= 10000);
  const nlohmann::json written = {
      {"libvirt_daemon", to_text(config.libvirt_daemon)},
      {"autostart", config.autostart},
      {"parallel", config.parallel},
      {"notifications", config.notifications},
      {"history_size", config.history_size},
      {"log_level", to_text(config.log_level)},
      {"defaults", config.defaults},
  };
  const auto again = read_config(written.dump());
  PROMISE(again.problems.empty());
  PROMISE(again.config == config);
  return 0;
}
