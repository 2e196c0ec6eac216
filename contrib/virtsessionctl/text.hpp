// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/printable.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::ctl {

/// "a" in quotes and printable.
std::string quote(std::string_view name);

/// "; did you mean \"web\"?", or empty when nothing is like the word
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

/// How many columns a terminal needs for a text without control characters.
std::size_t display_width(std::string_view text);

/// The beginning of a text that fits into that many columns, ended by `ellipsis` when something was cut off.
std::string cut_to_width(std::string_view text, std::size_t columns, std::string_view ellipsis);

/// "0.4 s", "12 s", "5 min", "2 h 5 min", "3 days": what a person wants to know, in at most two units.
std::string duration_text(std::chrono::microseconds duration);

/// A point in time in CLOCK_REALTIME's microseconds, local and with its distance to UTC: "2025-11-21T23:16:05+01:00".
std::string time_text(std::uint64_t usec);
/// "23:16:05"
std::string clock_text(std::uint64_t usec);

std::uint64_t realtime_usec();

}  // namespace virtsession::ctl
