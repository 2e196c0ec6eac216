// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace virtsession {

/// Older words are another story: longer than the brake of libvirt's daemons keeps them apart.
inline constexpr std::chrono::minutes kRecentWords{10};

/// The newest error that a user unit of this user has in the journal since then, as its program wrote
/// it: what a libvirt daemon that cannot start says last. Empty when there is none, or when the journal may not be
/// read. Blocks as long as the disk does: for a thread that may. See sd-journal(3).
std::string last_words(const std::string& unit, std::chrono::system_clock::time_point since);

/// A line of libvirt's log without what stands before the message: time, thread, level, function. Pure.
std::string without_log_prefix(std::string_view line);

}  // namespace virtsession
