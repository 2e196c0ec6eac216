// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/last_words.hpp"

#include "util/unique_c_ptr.hpp"

#include <systemd/sd-journal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <regex>

namespace virtsession {
namespace {

using Journal = UniqueCPtr<sd_journal, sd_journal_close>;

constexpr int kMostEntries = 300;

std::optional<std::string> field(sd_journal* journal, const std::string& name) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (sd_journal_get_data(journal, name.c_str(), &data, &size) < 0 || size <= name.size()) return std::nullopt;
  return std::string(static_cast<const char*>(data), size).substr(name.size() + 1);
}

/// systemd's own words about the unit are no error of its program. What comes by standard error has one priority for
/// all, and libvirt's level in the text.
bool is_error(sd_journal* journal, const std::string& message) {
  static const std::regex kNoError(R"(^\d{4}-\d\d-\d\d [^ ]+ \d+: (debug|info|warning) : .*)");
  if (field(journal, "_TRANSPORT") == "stdout") return !std::regex_match(message, kNoError);
  const auto priority = field(journal, "PRIORITY");
  return priority && *priority <= "3";
}

/// What libvirt's daemons say at the very end, after the line that says why.
bool says_nothing(std::string_view words) { return words == "Driver state initialization failed"; }

}  // namespace

std::string without_log_prefix(std::string_view line) {
  static const std::regex kPrefix(R"(^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+\d+: \d+: \w+ : (\w+:\d+ : )?)");
  return std::regex_replace(std::string(line), kPrefix, "");
}

std::string last_words(const std::string& unit, std::chrono::system_clock::time_point since) {
  sd_journal* opened = nullptr;
  if (sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY) < 0) return {};
  const Journal journal(opened);
  const std::string of_unit = "_SYSTEMD_USER_UNIT=" + unit, of_user = "_UID=" + std::to_string(getuid());
  if (sd_journal_add_match(opened, of_unit.c_str(), 0) < 0 || sd_journal_add_match(opened, of_user.c_str(), 0) < 0 ||
      sd_journal_seek_tail(opened) < 0)
    return {};
  const auto oldest = std::chrono::duration_cast<std::chrono::microseconds>(since.time_since_epoch()).count();
  for (int seen = 0; seen < kMostEntries && sd_journal_previous(opened) > 0; ++seen) {
    std::uint64_t time = 0;
    if (sd_journal_get_realtime_usec(opened, &time) < 0 || static_cast<std::int64_t>(time) < oldest) return {};
    const auto message = field(opened, "MESSAGE");
    if (!message || !is_error(opened, *message)) continue;
    if (auto words = without_log_prefix(*message); !says_nothing(words)) return words;
  }
  return {};
}

}  // namespace virtsession
