// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>

namespace virtsession::test {

/// A new, empty folder of mode 0700 below the system's one for temporary files. \throws std::system_error
std::filesystem::path make_temporary_folder(const std::string& name);

/// A new folder that goes, with everything in it, when the object goes.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(make_temporary_folder("virtsession-test")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace virtsession::test
