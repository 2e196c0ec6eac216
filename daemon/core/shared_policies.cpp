// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/shared_policies.hpp"

namespace virtsession {

std::shared_ptr<const EffectivePolicy> SharedPolicies::get(const nlohmann::json& overrides,
                                                           const nlohmann::json& defaults) {
  if (defaults != defaults_) {
    policies_.clear();
    defaults_ = defaults;
  }
  const auto text = overrides.dump();
  if (const auto known = policies_.find(text); known != policies_.end())
    if (auto policy = known->second.lock()) return policy;
  auto made = std::make_shared<EffectivePolicy>();
  apply_policy(made->policy, defaults);
  apply_policy(made->policy, overrides);
  made->keys = to_json(made->policy);
  std::erase_if(policies_, [](const auto& entry) { return entry.second.expired(); });
  policies_[text] = made;
  return made;
}

}  // namespace virtsession
