// SPDX-License-Identifier: LGPL-2.1-or-later
#include "time_text.hpp"

#include "texts/translate.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

namespace virtsession::window {
namespace {

using namespace texts;

/// Their names are written so at the beginning of a sentence, too.
constexpr std::array<std::string_view, 6> kPrograms{"libvirt",  "libvirtd",  "systemd",
                                                    "virtlogd", "virtqemud", "virtsessiond"};

std::tm local_time(std::uint64_t usec) {
  const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

}  // namespace

std::string duration_text(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 60) return filled(_("{} s"), seconds);
  const auto minutes = seconds / 60;
  if (minutes < 60) return filled(_("{} min"), minutes);
  const auto hours = minutes / 60;
  if (hours < 48) return minutes % 60 == 0 ? filled(_("{} h"), hours) : filled(_("{} h {} min"), hours, minutes % 60);
  const auto days = static_cast<unsigned long>(hours / 24);
  return filled(ngettext_("{} day", "{} days", days), days);
}

std::string moment_text(std::uint64_t usec, std::uint64_t now_usec) {
  const auto then = local_time(usec), now = local_time(now_usec);
  const bool today = then.tm_yday == now.tm_yday && then.tm_year == now.tm_year;
  const bool this_week = now_usec - usec < 6ULL * 24 * 3600 * 1'000'000;
  std::array<char, 64> text{};
  const char* const format = today ? "%H:%M:%S" : this_week ? "%a %H:%M" : "%e %b %H:%M";
  return {text.data(), std::strftime(text.data(), text.size(), format, &then)};
}

std::string size_text(std::uint64_t bytes) {
  const auto mib = static_cast<double>(bytes) / (1024 * 1024);
  return mib < 1024 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

std::string standing_alone(const std::string& text) {
  const auto word = text.substr(0, text.find(' '));
  const bool is_word = std::ranges::all_of(word, [](char letter) { return letter >= 'a' && letter <= 'z'; });
  if (word.empty() || !is_word || std::ranges::find(kPrograms, word) != kPrograms.end()) return text;
  auto result = text;
  result[0] = static_cast<char>(result[0] - 'a' + 'A');
  return result;
}

}  // namespace virtsession::window
