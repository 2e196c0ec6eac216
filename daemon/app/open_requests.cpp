// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/open_requests.hpp"

#include <utility>

namespace virtsession {

RequestId OpenRequests::open(Done done) {
  const auto id = next_++;
  open_.emplace(id, std::move(done));
  return id;
}

OpenRequests::Done OpenRequests::when_published(Done done) {
  return [this, id = open(std::move(done))](const Result<void>& result) { answer({id, result}); };
}

void OpenRequests::deliver() {
  for (const auto& answer : std::exchange(answers_, {})) {
    const auto request = open_.extract(answer.request);
    if (!request.empty()) request.mapped()(answer.result);
  }
}

}  // namespace virtsession
