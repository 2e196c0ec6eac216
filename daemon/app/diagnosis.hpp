// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/finding.hpp"
#include "doctor/gather.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"

#include <functional>
#include <thread>
#include <vector>

namespace virtsession {

/// The doctor on a thread of its own: what it looks at may block for seconds. Main loop's thread only; the loop
/// outlives it. Its destructor waits for a look that is under way, and nothing is called after that.
class Diagnosis {
 public:
  using Found = std::function<void(const std::vector<Finding>&)>;

  /// Reads the environment, so it comes before other threads.
  explicit Diagnosis(EventLoop& loop);
  ~Diagnosis();
  Diagnosis(const Diagnosis&) = delete;
  Diagnosis& operator=(const Diagnosis&) = delete;

  /// \param found called later, once; who asks while a look is under way gets what it finds
  void run(SupervisedFacts facts, Found found);

 private:
  EventLoop& loop_;
  const GatherOptions options_;
  std::vector<Found> waiting_;
  std::thread thread_;
  Lifetime lifetime_;
};

}  // namespace virtsession
