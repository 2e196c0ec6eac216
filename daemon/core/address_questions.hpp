// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/context.hpp"
#include "core/moment.hpp"
#include "core/request.hpp"

#include <optional>

namespace virtsession {

class Vm;
class Vms;

/// Who asks libvirt for the addresses of VMs, and when: people, who each get one answer, and virtsession itself, by
/// RunAddresses.
class AddressQuestions {
 public:
  AddressQuestions(const Context& context, Vms& vms) : context_(context), vms_(vms) {}

  /// A person asks. Those who ask while libvirt is asked share its answer.
  void on_request(Vm& vm, RequestId request, Moment now);
  /// Asks what is due, and tells those who have waited too long.
  void advance(Moment now);
  std::optional<SteadyTime> wake() const;

 private:
  const Context& context_;
  Vms& vms_;
};

}  // namespace virtsession
