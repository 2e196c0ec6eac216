// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/calls.hpp"
#include "core/forward_claims.hpp"
#include "core/moment.hpp"
#include "core/result.hpp"
#include "core/views.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

struct Context;
class Vms;

/// Makes the forwards that policies want, and keeps them: at each start and restore, whatever program it was by, and
/// when a policy changes. QEMU is asked what is there first, once in each run, so that a new virtsessiond makes nothing
/// twice. Nothing is asked about a VM whose policy has no `ports`. A forward that fails is told once, and tried again:
/// when another VM ends, and after 2 seconds to a minute.
class Forwards {
 public:
  Forwards(const Context& context, Vms& vms) : context_(context), vms_(vms) {}

  /// \param all_stop all VMs are being stopped: nothing is asked of libvirt
  void advance(bool all_stop, Moment now);
  /// When what has failed is to be tried again.
  std::optional<SteadyTime> wake() const;
  /// What came of a call, before its end.
  void on_report(const std::string& uuid, const ForwardReport& report);
  /// \return whether the call was one about forwards alone
  bool on_call_done(const Vm& vm, const PendingCall& call, const Result<void>& result, Moment now);

  /// A call that was in flight may have done something.
  void on_libvirt_lost();

  std::vector<ForwardView> views(const std::string& uuid) const;
  /// Entries of `ports` that the VM cannot have.
  std::vector<Problem> problems(const std::string& uuid) const;

 private:
  /// What the definition was to have, and what was in it afterwards.
  struct Defined {
    std::vector<Forward> wanted, own, all;
    bool operator==(const Defined&) const = default;
  };
  struct OfVm {
    KnownForwards known;
    int run = -1;  ///< libvirt's id of the run that it is known of
    std::optional<ForwardReport> report;
    std::uint32_t attempts = 0;               ///< that have failed, one after the other
    std::optional<SteadyTime> again;          ///< when what failed is tried again
    bool unanswered = false;                  ///< the last call failed as a whole: none is made before that
    bool stale = false;                       ///< QEMU is to be asked once more what is there
    std::map<std::string, std::string> told;  ///< why it failed, by an entry's text: the journal has it
    std::vector<ForwardView> views;
    std::optional<Defined> defined;  ///< not tried again, unless something of it changes
  };

  void find_vms();
  void note_runs(Moment now);
  static void choose_ports(ForwardLook& look, ForwardClaims& claims);
  static void note_ours(ForwardLook& look);
  void note_asked(const Vm& vm, OfVm& state, const std::vector<Forward>& asked);
  void keep_ours(const Vm& vm, const OfVm& state);
  void show(const Vm& vm, OfVm& state, const ForwardLook& look, const ForwardClaims& claims);
  static void tell(const Vm& vm, OfVm& state);
  bool may_call(const Vm& vm) const;
  void define(const Vm& vm, const OfVm& state, const ForwardLook& look, const ForwardClaims& claims);
  void sync(const Vm& vm, OfVm& state, const ForwardLook& look, const ForwardClaims& claims, Moment now);
  void on_synced(const Vm& vm, OfVm& state, const call::SyncForwards& call, const Result<void>& result, Moment now);
  void try_later(OfVm& state, Moment now);

  const Context& context_;
  Vms& vms_;
  std::map<std::string, OfVm> states_;  ///< by uuid: of VMs that have forwards, or want some
};

}  // namespace virtsession
