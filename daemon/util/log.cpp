// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/log.hpp"

#include "util/printable.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>

namespace virtsession::log {

namespace {

constexpr const char* kIdentifier = "virtsessiond";

spdlog::level::level_enum console_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// syslog(3)'s numbers, which PRIORITY= has.
char journal_priority(Level level) {
  switch (level) {
    case Level::debug:
      return '7';
    case Level::info:
      return '6';
    case Level::warning:
      return '4';
    case Level::error:
      return '3';
  }
  return '3';
}

std::unique_ptr<spdlog::logger> make_console() {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();  // colours on a terminal only
  auto console = std::make_unique<spdlog::logger>(kIdentifier, std::move(sink));
  console->set_pattern("%^%l%$: %v");
  console->set_level(spdlog::level::debug);  // enabled() decides
  console->flush_on(spdlog::level::debug);
  return console;
}

/// Where entries go. One for the process, as standard error is.
struct Output {
  std::atomic<Level> level{Level::info};
  bool level_is_forced = false;  // by the environment
  bool journal = false;
  std::unique_ptr<spdlog::logger> console = make_console();
};

Output& output() {
  static Output the_output;
  return the_output;
}

/// Whether standard error is the stream that systemd made; it may have been redirected since.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || fstat(STDERR_FILENO, &info) < 0) return false;
  return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

bool write_to_journal(Level level, const Fields& fields, const std::string& text) {
  std::vector<std::string> entries;
  entries.reserve(fields.size() + 3);
  entries.push_back("MESSAGE=" + text);
  entries.push_back(std::string("PRIORITY=") + journal_priority(level));
  entries.push_back(std::string("SYSLOG_IDENTIFIER=") + kIdentifier);
  for (const auto& [name, value] : fields) entries.push_back(name + "=" + value);
  std::vector<iovec> parts;
  parts.reserve(entries.size());
  for (auto& entry : entries) parts.push_back({entry.data(), entry.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

}  // namespace

Result<void> init(Level level) {
  auto& out = output();
  out.level = level;
  out.journal = stderr_is_journal();
  out.console = make_console();
  const char* const wanted = std::getenv("VIRTSESSION_LOG_LEVEL");
  if (wanted == nullptr || *wanted == '\0') return {};
  const auto parsed = from_text<Level>(wanted);
  if (!parsed)
    return Error{ErrorCode::invalid_config,
                 fmt::format("VIRTSESSION_LOG_LEVEL is \"{}\"; use debug, info, warning or error", printable(wanted))};
  out.level = *parsed;
  out.level_is_forced = true;
  return {};
}

void set_level(Level level) {
  if (!output().level_is_forced) output().level = level;
}

bool enabled(Level level) { return level >= output().level.load(std::memory_order_relaxed); }

void write(Level level, const Fields& fields, std::string_view text) {
  if (!enabled(level)) return;
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string line = printable(text);
  auto& out = output();
  if (out.journal && write_to_journal(level, fields, line)) return;
  out.console->log(console_level(level), spdlog::string_view_t(line));
}

std::optional<std::string> Damped::next(std::string_view text, TimePoint now) {
  const bool same = last_ && *last_ == text;
  if (same) {
    ++repeated_;
    if (now - written_ < interval_) return std::nullopt;
  } else {
    last_ = text;
    repeated_ = 0;
  }
  written_ = now;
  const auto times = std::exchange(repeated_, 0);
  if (times == 0) return std::string(text);
  return fmt::format("{} (repeated {} {})", text, times, times == 1 ? "time" : "times");
}

void Damped::write(Level level, const Fields& fields, std::string_view text, TimePoint now) {
  if (const auto due = next(text, now)) log::write(level, fields, *due);
}

void Damped::reset() {
  last_.reset();
  repeated_ = 0;
}

}  // namespace virtsession::log
