// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>

using namespace virtsession;

/// A policy is read without harm; what was accepted can be shown, set again and means the same; what was not accepted
/// is kept in the raw object, which can be written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = read_policy_text({reinterpret_cast<const char*>(data), size});
  for (const auto& problem : read.keys.problems) PROMISE(!problem.text.empty());
  PROMISE(read.raw.is_object() || (read.raw.is_null() && !read.keys.problems.empty()));
  PROMISE(read.keys.used.is_object());
  if (read.raw.is_object()) {
    PROMISE(read.keys.used.size() + read.keys.problems.size() == read.raw.size());
    const auto again = read_policy_text(read.raw.dump());
    PROMISE(again.raw == read.raw);
    PROMISE(again.keys.used == read.keys.used);
  }

  Policy policy;
  apply_policy(policy, read.keys.used);
  const auto shown = to_json(policy);
  const auto checked = check_policy(shown);
  PROMISE(checked.problems.empty());
  Policy same;
  apply_policy(same, checked.used);
  PROMISE(same == policy);
  PROMISE(nlohmann::json::parse(shown.dump()) == shown);
  return 0;
}
