// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace virtsession::window {

/// "5 min", "2 h 5 min", "3 days", in the user's language.
std::string duration_text(std::chrono::seconds duration);

/// When something was, as short as it is clear: "14:05", "Mon 14:05", "3 Nov 14:05". \param usec,now_usec
/// CLOCK_REALTIME's microseconds
std::string moment_text(std::uint64_t usec, std::uint64_t now_usec);

/// "512 MiB", "2.5 GiB"
std::string size_text(std::uint64_t bytes);

/// A reason that no sentence surrounds: it begins with a capital letter, unless that is the name of a program or a
/// path.
std::string standing_alone(const std::string& text);

}  // namespace virtsession::window
