// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace virtsession::test {

std::filesystem::path make_temporary_folder(const std::string& name) {
  std::string path = (std::filesystem::temp_directory_path() / (name + "-XXXXXX")).string();
  if (mkdtemp(path.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "Failed to make a folder for the test");
  return std::filesystem::canonical(path);
}

}  // namespace virtsession::test
