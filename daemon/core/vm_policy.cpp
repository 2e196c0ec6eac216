// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_policy.hpp"

#include "core/config.hpp"
#include "core/list_text.hpp"

#include <utility>

namespace virtsession {

using nlohmann::json;

bool VmPolicy::read(const DomainSnapshot& domain, const json& defaults, SharedPolicies& policies) {
  const auto before = std::exchange(problems_, {});
  overrides_ = raw_ = SharedJson();
  if (!domain.policy_error.empty()) problems_.push_back({"", domain.policy_error, ""});
  if (domain.policy_text) {
    auto read = read_policy_text(*domain.policy_text);
    raw_ = std::move(read.raw);
    overrides_ = std::move(read.keys.used);
    problems_.insert(problems_.end(), read.keys.problems.begin(), read.keys.problems.end());
  }
  effective_ = policies.get(*overrides_, defaults);
  return problems_ != before;
}

Result<std::string> VmPolicy::after(const DomainSnapshot& domain, const VmRequest& request,
                                    const call::SetPolicy* pending) const {
  const auto quoted = "VM " + in_quotes(domain.name);
  if (request.kind == RequestKind::clear_policy && request.keys.empty()) return std::string();
  auto merged = pending ? json::parse(pending->text.value_or("{}")) : *raw_;
  if (!merged.is_object() || !domain.policy_error.empty())
    return Error{ErrorCode::invalid_policy,
                 quoted + " carries a policy that cannot be read; ClearPolicy removes it: " + to_text(problems_)};
  if (request.kind == RequestKind::clear_policy) {
    for (const auto& key : request.keys)
      if (merged.erase(key) == 0 && policy_key_schema(key).is_null())
        return Error{ErrorCode::invalid_policy,
                     "there is no policy key \"" + key + "\", and " + quoted + " does not carry it"};
  } else {
    const auto checked = check_policy(request.policy);
    if (!checked.problems.empty()) return Error{ErrorCode::invalid_policy, to_text(checked.problems)};
    merged.update(checked.used);
  }
  return merged.empty() ? std::string() : merged.dump();
}

}  // namespace virtsession
