// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/policy.hpp"
#include "core/request.hpp"
#include "core/result.hpp"
#include "core/shared_policies.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace virtsession {

/// The policy of one VM: what is in its metadata over the configuration's defaults over the built-in ones.
class VmPolicy {
 public:
  /// Reads the metadata anew. \return whether the problems are others than before
  bool read(const DomainSnapshot& domain, const nlohmann::json& defaults, SharedPolicies& policies);
  const Policy& effective() const { return effective_->policy; }
  /// Every key that has a value, as people see it.
  const SharedJson& effective_keys() const { return effective_->keys; }
  /// The part of the metadata that could be used.
  const SharedJson& overrides() const { return overrides_; }
  const std::vector<Problem>& problems() const { return problems_; }

  /// The metadata's text after a request (set_policy, clear_policy), so that one key is changed and the others stay,
  /// also those that are not known here. Empty: the element goes.
  /// \param pending a change that libvirt was told and has not told of yet, which this one builds on; or nullptr
  Result<std::string> after(const DomainSnapshot& domain, const VmRequest& request,
                            const call::SetPolicy* pending) const;

 private:
  std::shared_ptr<const EffectivePolicy> effective_ = std::make_shared<EffectivePolicy>();
  SharedJson raw_;  ///< the metadata's object; null when it is no object
  SharedJson overrides_;
  std::vector<Problem> problems_;
};

}  // namespace virtsession
