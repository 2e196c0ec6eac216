// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace virtsession::window {

/// What has to be replaced to make one list of the other: `removed` lines at `position` by `added` lines of the new
/// one. Lines outside are the same by their key().
struct Splice {
  std::size_t position = 0, removed = 0, added = 0;
};

template <typename Line>
Splice difference(const std::vector<Line>& before, const std::vector<Line>& now) {
  const auto same = [](const Line& a, const Line& b) { return a.key() == b.key(); };
  std::size_t begin = 0;
  while (begin < before.size() && begin < now.size() && same(before[begin], now[begin])) ++begin;
  std::size_t end = 0;
  while (end < before.size() - begin && end < now.size() - begin &&
         same(before[before.size() - 1 - end], now[now.size() - 1 - end]))
    ++end;
  return {begin, before.size() - begin - end, now.size() - begin - end};
}

}  // namespace virtsession::window
