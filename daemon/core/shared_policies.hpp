// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/policy.hpp"
#include "core/shared_json.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>

namespace virtsession {

/// A policy in force, and its keys as people see them.
struct EffectivePolicy {
  Policy policy;
  SharedJson keys;  ///< every key that has a value
};

/// The policies in force. Most VMs carry no policy, or the same one as others: they share it.
class SharedPolicies {
 public:
  /// \param overrides what the VM carries, checked \param defaults of the configuration, checked
  std::shared_ptr<const EffectivePolicy> get(const nlohmann::json& overrides, const nlohmann::json& defaults);

 private:
  nlohmann::json defaults_ = nlohmann::json::object();
  std::map<std::string, std::weak_ptr<const EffectivePolicy>> policies_;  ///< by the text of the overrides
};

}  // namespace virtsession
