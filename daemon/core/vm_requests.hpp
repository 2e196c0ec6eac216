// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/address_questions.hpp"
#include "core/addresses.hpp"
#include "core/calls.hpp"
#include "core/context.hpp"
#include "core/moment.hpp"
#include "core/request.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>

namespace virtsession {

class Vm;
class Vms;
struct Surroundings;

/// What people ask of one VM, and how libvirt's answer comes back to them.
class VmRequests {
 public:
  VmRequests(const Context& context, Vms& vms) : context_(context), vms_(vms), addresses_(context, vms) {}

  /// What can be said about a request before it is made. \param starts_forbidden why nothing may be started, or empty
  Result<void> check(const VmRequest& request, const std::string& starts_forbidden) const;
  /// A request that check() has passed.
  void make(RequestId id, const VmRequest& request, Moment now);
  void reset_failed(Vm& vm, const Cause& cause, Moment now);
  /// A call that was none of a stop of all or of the host's sleep has ended well.
  void on_done(Vm& vm, const PendingCall& call, const Surroundings& around, Moment now);
  /// It has failed; a start that failed is the StartRun's.
  void on_failed(Vm& vm, const PendingCall& call, const Error& error, Moment now);
  /// libvirt has found addresses of a run.
  void on_addresses(const std::string& uuid, FoundAddresses found);
  /// After the stop of VMs, which are not asked meanwhile.
  void ask_addresses(Moment now) { addresses_.advance(now); }
  /// Saves are looked at, and guests are asked to shut down again, until they are given up.
  void advance(Moment now);
  void on_libvirt_lost();
  /// \param progress of a save that a person asked for, for people
  void on_progress(Vm& vm, const std::string& progress, Moment now);
  std::optional<SteadyTime> wake() const;

 private:
  void start(Vm& vm, RequestId id, const VmRequest& request, Moment now);
  void stop(Vm& vm, RequestId id, const VmRequest& request, Moment now);
  void shut_down(Vm& vm, RequestId id, const VmRequest& request, Moment now);
  void save(Vm& vm, RequestId id, const VmRequest& request, Moment now);
  void plain(Vm& vm, RequestId id, const VmRequest& request);
  void policy(Vm& vm, RequestId id, const VmRequest& request);
  void look_at_save(Vm& vm, Moment now);
  void look_at_shutdown(Vm& vm, Moment now);
  void ask_guest(Vm& vm, Moment now);
  void give_up_shutdown(Vm& vm, const Error& error, const std::string& text, const Cause& cause, Moment now);

  const Context& context_;
  Vms& vms_;
  AddressQuestions addresses_;
};

}  // namespace virtsession
