// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/hung_mount.hpp"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>
#include <system_error>

namespace virtsession::test {

HungMount::HungMount(const std::string& path) : path_(path), server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
  if (!server_) throw std::system_error(errno, std::generic_category(), "Failed to open /dev/fuse");
  const auto options = "fd=" + std::to_string(server_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (mount("hung", path.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) < 0)
    throw std::system_error(errno, std::generic_category(), "Failed to mount a FUSE file system on " + path);
}

HungMount::~HungMount() { answer(); }

void HungMount::answer() {
  if (!server_) return;
  server_.reset();
  umount2(path_.c_str(), MNT_DETACH);
}

}  // namespace virtsession::test
