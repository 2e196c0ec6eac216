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
  const auto mistaken =
      supervised_vm(view_with({"/start_after", "start_after must be a list of VM names, not 5", ""}), {});
  CHECK(mistaken.policy_problems.size() == 1);
  CHECK(mistaken.dependency_problems.empty());

  auto view = view_with({"/start_after/0", "start_after names \"b\", and there is no such VM", ""});
  view.policy["start_after"] = {"b"};
  const auto dangling = supervised_vm(view, {});
  CHECK(dangling.policy_problems.empty());
  CHECK(dangling.dependency_problems.size() == 1);

  const auto other = supervised_vm(view_with({"/start_oder", "unknown key start_oder", ""}), {});
  CHECK(other.policy_problems.size() == 1);
}
