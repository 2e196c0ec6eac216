// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtsession {

/// The newest error that a user unit of this user has in the journal, not older than some minutes, as its program wrote
/// it: what a libvirt daemon that cannot start says last. Empty when there is none, or when the journal may not be
/// read. Blocks as long as the disk does: for a thread that may. See sd-journal(3).
std::string last_words(const std::string& unit);

/// A line of libvirt's log without what stands before the message: time, thread, level, function. Pure.
std::string without_log_prefix(std::string_view line);

}  // namespace virtsession
