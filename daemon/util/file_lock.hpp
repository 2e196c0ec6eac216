// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

namespace virtsession {

/// Locks an open file (F_OFD_SETLK of fcntl(2)) until all descriptors of this open file are closed, at the latest with
/// the program. Does not wait, other than a file system that hangs. \param fd open for writing \return `busy` when
/// somebody else has the lock, `operation_failed` with the system's words for anything else
Result<void> lock_file(int fd);

/// Whether somebody else has that lock. Takes none, so that nobody who wants it finds it taken by the one who asks;
/// false when the system cannot tell. \param fd open for reading
bool is_file_locked(int fd);

}  // namespace virtsession
