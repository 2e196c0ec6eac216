// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_list.hpp"

#include "texts/text_search.hpp"

#include <algorithm>

namespace virtsession::window {
namespace {

bool is_found(const MachineView& machine, const std::vector<std::wstring>& words) {
  const auto text = texts::folded(machine.name + "\n" + machine.title + "\n" + machine.word);
  return std::ranges::all_of(words, [&](const auto& word) { return text.find(word) != std::wstring::npos; });
}

bool comes_before(const MachineView& a, const MachineView& b, SortBy sort) {
  if (a.section != b.section) return a.section < b.section;
  if (sort == SortBy::since && a.since != b.since) return a.since > b.since;
  const auto left = texts::folded(a.name), right = texts::folded(b.name);
  return left != right ? left < right : a.uuid < b.uuid;
}

}  // namespace

std::vector<Entry> list_of(const std::vector<MachineView>& machines, const std::string& search, SortBy sort) {
  std::vector<std::wstring> words;
  for (const auto& word : texts::words_of(search)) words.push_back(texts::folded(word));
  std::vector<MachineView> shown;
  std::ranges::copy_if(machines, std::back_inserter(shown), [&](const auto& one) { return is_found(one, words); });
  std::ranges::sort(shown, [&](const auto& a, const auto& b) { return comes_before(a, b, sort); });
  std::vector<Entry> lines;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const bool first = i == 0 || shown[i - 1].section != shown[i].section;
    const bool last = i + 1 == shown.size() || shown[i + 1].section != shown[i].section;
    if (first) lines.push_back({.is_title = true, .text = section_title(shown[i].section), .machine = {}});
    lines.push_back({.text = {}, .machine = shown[i], .first = first, .last = last});
  }
  return lines;
}

}  // namespace virtsession::window
