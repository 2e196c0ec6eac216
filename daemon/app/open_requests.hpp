// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/request.hpp"
#include "core/result.hpp"
#include "core/supervisor.hpp"

#include <functional>
#include <map>
#include <vector>

namespace virtsession {

/// Requests that came over D-Bus, from their begin to their answer. An answer waits for the end of the pass in which it
/// came: who has it finds the bus up to date. Main loop's thread.
class OpenRequests {
 public:
  using Done = std::function<void(const Result<void>&)>;

  /// \return the id by which the request is answered
  RequestId open(Done done);
  /// `done` as what somebody else may call who ends the request: it is answered when its effect can be seen.
  Done when_published(Done done);
  void answer(const Answer& answer) { answers_.push_back(answer); }
  /// Answers what has an answer: each once.
  void deliver();

 private:
  std::map<RequestId, Done> open_;
  std::vector<Answer> answers_;
  RequestId next_ = 1;
};

}  // namespace virtsession
