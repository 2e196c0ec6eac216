// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/open_requests.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace virtsession;

TEST_CASE("a request is answered once, at the end of the pass in which its answer came") {
  OpenRequests requests;
  std::string answers;
  const auto id = requests.open([&](const Result<void>& result) { answers += result ? "a" : "A"; });
  const auto done = requests.when_published([&](const Result<void>& result) { answers += result ? "b" : "B"; });
  requests.deliver();
  CHECK(answers.empty());
  requests.answer({id, {}});
  done(Error{ErrorCode::busy, "busy"});
  CHECK(answers.empty());
  requests.deliver();
  CHECK(answers == "aB");
  requests.answer({id, {}});
  done({});
  requests.deliver();
  CHECK(answers == "aB");
}
