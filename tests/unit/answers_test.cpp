// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

const Error kLate{ErrorCode::timed_out, "too late"};

}  // namespace

TEST_CASE("answers: a request is answered when what it waits for has come, and once") {
  CoreFixture core;
  core.answers.open(1, CallEnds{7});
  core.answers.open(2, CallEnds{7});
  core.answers.open(3, CallEnds{8});
  core.answers.open(4, VmIsOff{"uuid-web"});
  CHECK(core.answered().empty());
  core.answers.close(CallEnds{7}, {});
  CHECK(core.answered() == "1: done, 2: done");
  core.answers.close(CallEnds{7}, {});
  CHECK(core.answered().empty());
  core.answers.close(VmIsOff{"uuid-db"}, {});
  CHECK(core.answered().empty());
  core.answers.close(VmIsOff{"uuid-web"}, Error{ErrorCode::operation_failed, "no"});
  CHECK(core.answered() == "4: OperationFailed");
}

TEST_CASE("answers: who waits longer than they wanted is answered then, the others later") {
  CoreFixture core;
  const auto now = core.now.steady;
  core.answers.open(1, StopEnds{}, now + 10s);
  core.answers.open(2, StopEnds{}, now + 20s);
  core.answers.open(3, StopEnds{});
  core.answers.expire(StopEnds{}, now + 9s, kLate);
  CHECK(core.answered().empty());
  core.answers.expire(StopEnds{}, now + 10s, kLate);
  CHECK(core.answered() == "1: TimedOut");
  core.answers.close(StopEnds{}, {});
  CHECK(core.answered() == "2: done, 3: done");
}

TEST_CASE("answers: when does the first of them have to be answered?") {
  CoreFixture core;
  const auto now = core.now.steady;
  CHECK_FALSE(core.answers.first_deadline(StartsSettle{}));
  core.answers.open(1, StartsSettle{});
  CHECK_FALSE(core.answers.first_deadline(StartsSettle{}));
  core.answers.open(2, StartsSettle{}, now + 20s);
  core.answers.open(3, StartsSettle{}, now + 10s);
  CHECK(core.answers.first_deadline(StartsSettle{}) == now + 10s);
  CHECK_FALSE(core.answers.first_deadline(StopEnds{}));
}

TEST_CASE("answers: does anybody wait?") {
  CoreFixture core;
  CHECK_FALSE(core.answers.any(StopEnds{}));
  core.answers.open(1, StopEnds{}, core.now.steady);
  CHECK(core.answers.any(StopEnds{}));
  core.answers.expire(StopEnds{}, core.now.steady, kLate);
  CHECK_FALSE(core.answers.any(StopEnds{}));
}
