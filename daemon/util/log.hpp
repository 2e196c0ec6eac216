// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"
#include "core/result.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtsession::log {

enum class Level { debug, info, warning, error };

/// Fields of a journal entry beside the text, as in systemd.journal-fields(7): upper-case names, VIRTSESSION_* for
/// ours. Only the journal keeps them.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// Chooses where entries go: to the journal when standard error is connected to it (JOURNAL_STREAM, systemd.exec(5)),
/// else to standard error as "level: text" lines. VIRTSESSION_LOG_LEVEL in the environment wins over `level`.
/// Called once, early in main and before there are threads; without it the level is `info`.
/// \return `invalid_config` when the variable has a value that is no level; `level` applies then
[[nodiscard]] Result<void> init(Level level);

/// Another level from now on, as init() would choose it. From any thread, as all below.
void set_level(Level level);

bool enabled(Level level);

/// Writes one entry, in one line: `text` goes out as printable(), without newlines at its end; `fields` as they are.
/// Never throws for want of a reader.
void write(Level level, const Fields& fields, std::string_view text);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, {}, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, {}, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, {}, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, {}, fmt::format(format, std::forward<Args>(args)...));
}

/// Keeps what is retried from filling the journal: a text is written when it is new, and while it stays the same once
/// an interval, with how often it came. One object for each thing that is retried. Not thread-safe.
class Damped {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Damped(std::chrono::seconds interval = std::chrono::minutes(10)) : interval_(interval) {}

  /// \return what to write now, "TEXT" or "TEXT (repeated 12 times)", or nothing
  std::optional<std::string> next(std::string_view text, TimePoint now);
  /// write() of what next() returns.
  void write(Level level, const Fields& fields, std::string_view text, TimePoint now);
  /// After a success: the next text counts as new.
  void reset();

 private:
  std::chrono::seconds interval_;
  std::optional<std::string> last_;
  TimePoint written_{};
  std::uint64_t repeated_ = 0;
};

}  // namespace virtsession::log

namespace virtsession {

template <>
inline constexpr auto kEnumText<log::Level> = EnumText<log::Level, 4>{{{
    {log::Level::debug, "debug"},
    {log::Level::info, "info"},
    {log::Level::warning, "warning"},
    {log::Level::error, "error"},
}}};

}  // namespace virtsession
