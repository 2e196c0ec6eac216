// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/file_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

namespace virtsession {
namespace {

/// Of the whole file.
struct flock write_lock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<void> lock_file(int fd) {
  auto lock = write_lock();
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return {};
  if (errno == EAGAIN || errno == EACCES) return Error{ErrorCode::busy, "It is locked"};
  return Error{ErrorCode::operation_failed, std::generic_category().message(errno)};
}

bool is_file_locked(int fd) {
  auto lock = write_lock();
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace virtsession
