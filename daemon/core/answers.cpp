// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/answers.hpp"

#include "core/outbox.hpp"

#include <algorithm>

namespace virtsession {

void Answers::give(RequestId request, Result<void> result) { outbox_.put(Answer{request, std::move(result)}); }

void Answers::open(RequestId request, WaitsFor what, std::optional<SteadyTime> deadline) {
  waiting_[std::move(what)].push_back({request, deadline});
}

void Answers::close(const WaitsFor& what, const Result<void>& result) {
  const auto closed = waiting_.extract(what);
  if (closed.empty()) return;
  for (const auto& waiting : closed.mapped()) give(waiting.request, result);
}

void Answers::expire(const WaitsFor& what, SteadyTime now, const Error& late) {
  const auto found = waiting_.find(what);
  if (found == waiting_.end()) return;
  std::erase_if(found->second, [&](const Waiting& waiting) {
    if (!waiting.deadline || now < *waiting.deadline) return false;
    give(waiting.request, late);
    return true;
  });
  if (found->second.empty()) waiting_.erase(found);
}

std::optional<SteadyTime> Answers::first_deadline(const WaitsFor& what) const {
  const auto found = waiting_.find(what);
  if (found == waiting_.end()) return std::nullopt;
  const auto deadline = [](const Waiting& waiting) { return waiting.deadline.value_or(SteadyTime::max()); };
  const auto first = deadline(*std::ranges::min_element(found->second, {}, deadline));
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
