// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// What is wrong with one text, as much of it as a person reads: the first 100 problems, and then how many more there
/// are; long texts of theirs are cut. Somebody's 4 MiB can have hundreds of thousands.
class ProblemList {
 public:
  static constexpr std::size_t kMost = 100;

  /// \param make returns the Problem; called only when it is listed, for a suggestion takes its time
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
