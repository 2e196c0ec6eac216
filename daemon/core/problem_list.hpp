// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// The problems of one text: the first 100, then how many more; long texts are cut. A file of 4 MiB can have hundreds
/// of thousands.
class ProblemList {
 public:
  static constexpr std::size_t kMost = 100;

  /// \param make returns the Problem; called only when it is listed, because finding a suggestion is slow
  template <class Make>
  void add(const Make& make) {
    if (listed_.size() < kMost)
      listed_.push_back(cut(make()));
    else
      ++more_;
  }
  void add(Problem problem) {
    add([&] { return std::move(problem); });
  }
  /// The list; the last one has the code `more` when there are more.
  std::vector<Problem> take();

 private:
  static Problem cut(Problem problem);

  std::vector<Problem> listed_;
  std::size_t more_ = 0;
};

}  // namespace virtsession
