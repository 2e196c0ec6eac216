// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/mount_table.hpp"

#include "util/log.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace virtsession {

MountTable::MountTable(EventLoop& loop, std::function<void()> changed)
    : file_(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)), mounts_(read_mounts()) {
  if (!file_) {
    log::warn("Failed to watch for mounts: {}", std::strerror(errno));
    return;
  }
  source_ = loop.watch_io(file_.get(), EPOLLPRI, [this, changed = std::move(changed)](std::uint32_t) {
    mounts_ = read_mounts();
    changed();
  });
}

}  // namespace virtsession
