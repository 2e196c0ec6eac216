// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/answers.hpp"
#include "core/backoff.hpp"
#include "core/calls.hpp"
#include "core/conditions.hpp"
#include "core/config.hpp"
#include "core/context.hpp"
#include "core/history.hpp"
#include "core/list_text.hpp"
#include "core/outbox.hpp"
#include "core/shared_policies.hpp"
#include "core/vm_life.hpp"
#include "core/vms.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace virtsession {

/// For a test of one object of the core alone: what the objects borrow from the Supervisor, a clock that the test
/// moves, and VMs of which the test says what libvirt tells of them. World has the whole Supervisor and a libvirt that
/// behaves.
class CoreFixture {
 public:
  Config config;
  HostFacts facts;
  bool connected = true;
  BoxesSeen boxes;
  Outbox outbox;
  History history{50};
  Answers answers{outbox};
  Calls calls{outbox};
  Backoff backoff{1};
  SharedPolicies policies;
  std::uint64_t save_kib_per_sec = 0;
  const Context context{config, facts,   connected, outbox,   history,         answers,
                        calls,  backoff, boxes,     policies, save_kib_per_sec};
  Vms vms{context};
  Moment now{SteadyTime(std::chrono::hours(1)), 1'700'000'000'000'000};

  void pass(Duration time) {
    now.steady += time;
    now.wall_usec += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  }

  /// A VM that is off, and that virtsession has just found so. Its uuid is "uuid-" and its name.
  Vm& off(const std::string& name, const nlohmann::json& policy = {}) { return found(snapshot(name, policy)); }
  /// One that runs.
  Vm& running(const std::string& name, const nlohmann::json& policy = {}) {
    auto domain = snapshot(name, policy);
    run(domain);
    return found(std::move(domain));
  }
  Vm& found(DomainSnapshot domain) {
    auto& vm = vms.add(std::move(domain));
    first_seen(vm, {}, {}, now);
    static_cast<void>(journal());
    return vm;
  }
  static DomainSnapshot snapshot(const std::string& name, const nlohmann::json& policy = {}) {
    DomainSnapshot domain;
    domain.uuid = "uuid-" + name;
    domain.name = name;
    domain.state = DomainState::shut_off;
    domain.shutoff_reason = ShutoffReason::shutdown;
    domain.persistent = domain.agent_configured = true;
    if (!policy.is_null()) domain.policy_text = policy.dump();
    return domain;
  }

  /// libvirt tells of the VM anew. \param change what is different, done to its snapshot
  template <class Change>
  void tell(Vm& vm, Change change) {
    auto domain = vm.domain();
    change(domain);
    const auto before = vms.take_in(vm, std::move(domain));
    judge(vm, before, {}, now);
  }
  void set_policy(Vm& vm, const nlohmann::json& policy) {
    tell(vm, [&](auto& domain) { domain.policy_text = policy.dump(); });
  }
  void comes_up(Vm& vm) {
    tell(vm, [this](auto& domain) { run(domain); });
  }
  void goes_down(Vm& vm, ShutoffReason reason) {
    tell(vm, [&](auto& domain) {
      domain.id = -1;
      domain.state = DomainState::shut_off;
      domain.shutoff_reason = reason;
      domain.managed_save = reason == ShutoffReason::saved;
    });
  }

  /// The last call that libvirt was asked for, which is not in flight any more.
  PendingCall take_call() {
    collect();
    return calls.take(last_call_).value();
  }

  // What the core wanted since the last look, in its order.
  /// "start web, power off db, SIGTERM to app": what is done to VMs and libvirt.
  std::string done() { return look(done_); }
  /// "1: done, 2: Busy", by the requests' ids
  std::string answered() { return look(answered_); }
  /// "web: crashed"
  std::string journal() { return look(journal_); }
  /// "web", "web withdrawn": on the desktop, those about giving up alone
  std::string notices() { return look(notices_); }

  /// "waiting: waits for AC power"
  static std::string says(const Vm& vm) { return std::string(to_text(vm.status().phase)) + ": " + vm.status().reason; }

 private:
  using Texts = std::vector<std::string>;

  void run(DomainSnapshot& domain) {
    domain.id = next_id_++;
    domain.state = DomainState::running;
    domain.shutoff_reason = ShutoffReason::none;
    domain.managed_save = false;
  }

  std::string look(Texts& texts) {
    collect();
    return list_text(std::exchange(texts, {}));
  }

  void collect() {
    for (const auto& action : outbox.take()) {
      if (const auto* run = std::get_if<RunOperation>(&action)) {
        last_call_ = run->operation.id;
        done_.push_back(std::string(to_text(run->operation.kind())) + " " + run->operation.uuid.substr(5));
      } else if (const auto* end = std::get_if<TerminateQemu>(&action)) {
        done_.push_back("SIGTERM to " + end->name);
      } else if (std::holds_alternative<ReplaceLibvirt>(action)) {
        done_.emplace_back("replace libvirt");
      } else if (const auto* answer = std::get_if<Answer>(&action)) {
        const auto& result = answer->result;
        answered_.push_back(std::to_string(answer->request) + ": " +
                            (result ? "done" : std::string(to_text(result.error().code))));
      } else if (const auto* entry = std::get_if<JournalEntry>(&action)) {
        journal_.push_back(entry->name.empty() ? entry->text : entry->name + ": " + entry->text);
      } else if (const auto* notice = std::get_if<Notice>(&action)) {
        if (notice->incident == Incident::gave_up) notices_.push_back(notice->name);
      } else if (const auto* over = std::get_if<WithdrawNotice>(&action)) {
        if (over->incident == Incident::gave_up) notices_.push_back(over->uuid.substr(5) + " withdrawn");
      }
    }
  }

  int next_id_ = 1;
  OperationId last_call_ = 0;
  Texts done_, answered_, journal_, notices_;
};

}  // namespace virtsession
