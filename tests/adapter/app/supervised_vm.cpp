// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/api_service.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

VmView view_with(const Problem& problem) {
  VmView view;
  view.uuid = "00000000-0000-0000-0000-000000000001";
  view.name = "a";
  view.policy_problems = {problem};
  return view;
}

}  // namespace

TEST_CASE("a mistake in start_after is one of the policy, a name that leads nowhere one of dependencies") {
  const auto is_of_policy = [](const Problem& problem) {
    const auto vm = supervised_vm(view_with(problem), {});
    CHECK(vm.policy_problems.size() + vm.dependency_problems.size() == 1);
    return vm.policy_problems.size() == 1;
  };
  CHECK(is_of_policy({"/start_after", "start_after must be a list of VM names", "", ProblemCode::invalid_value}));
  CHECK(is_of_policy({"/start_oder", "unknown key start_oder", "", ProblemCode::unknown_key}));
  CHECK(is_of_policy({"", "the policy is not JSON", "", ProblemCode::unreadable}));
  CHECK_FALSE(is_of_policy({"/start_after/0", "there is no such VM", "", ProblemCode::unknown_vm}));
  CHECK_FALSE(is_of_policy({"/start_after/0", "it is not marked to start", "", ProblemCode::unmarked_vm}));
  CHECK_FALSE(is_of_policy({"/start_after", "it goes round in a circle", "", ProblemCode::cycle}));
}

TEST_CASE("what a good policy wants and cannot have is no mistake of it") {
  for (const auto code : {ProblemCode::not_possible, ProblemCode::too_slow}) {
    const Problem problem{"/sleep", "it is paused, not saved", "", code};
    const auto vm = supervised_vm(view_with(problem), {});
    CHECK(vm.policy_problems.empty());
    CHECK(vm.dependency_problems.empty());
    CHECK(vm.not_done == std::vector{problem});
  }
}
