// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/problem_list.hpp"

#include <utility>

namespace virtsession {
namespace {

constexpr std::size_t kLongestText = 400;

void cut_text(std::string& text) {
  if (text.size() <= kLongestText) return;
  auto end = kLongestText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  text = text.substr(0, end) + "...";
}

}  // namespace

std::vector<Problem> ProblemList::take() {
  auto list = std::exchange(listed_, {});
  if (const auto more = std::exchange(more_, 0); more > 0)
    list.push_back({"", "and " + std::to_string(more) + " more", "", ProblemCode::more});
  return list;
}

Problem ProblemList::cut(Problem problem) {
  for (auto* text : {&problem.pointer, &problem.text, &problem.suggestion}) cut_text(*text);
  return problem;
}

}  // namespace virtsession
