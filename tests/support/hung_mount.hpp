// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_fd.hpp"

#include <string>

namespace virtsession::test {

/// A file system at `path` that hangs, as one of a network does when its server is gone: FUSE with nobody behind it.
/// Whatever asks it for something waits until answer(). In a mount namespace of the test's own; needs root.
class HungMount {
 public:
  /// \throws std::system_error when it cannot be mounted
  explicit HungMount(const std::string& path);
  ~HungMount();
  HungMount(const HungMount&) = delete;
  HungMount& operator=(const HungMount&) = delete;

  /// Ends all that waits, with an error, and takes the mount away.
  void answer();

 private:
  std::string path_;
  UniqueFd server_;
};

}  // namespace virtsession::test
