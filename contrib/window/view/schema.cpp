// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/schema.hpp"

#include "util/build_config.hpp"

#include <glib.h>

#include <fstream>
#include <iterator>
#include <vector>

namespace virtsession::window {

std::string installed_schema() {
  std::vector<std::string> folders;
  for (const auto* folder = g_get_system_data_dirs(); *folder; ++folder) folders.emplace_back(*folder);
  folders.emplace_back(build::kDataFolder);
  for (const auto& folder : folders) {
    std::ifstream file(folder + "/virtsession/config.schema.json");
    if (file) return {std::istreambuf_iterator<char>(file), {}};
  }
  return {};
}

}  // namespace virtsession::window
