// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/api_service.hpp"

#include "core/policy.hpp"

#include <algorithm>

namespace virtsession {

namespace {

/// No mistake: the policy is good, and what it wants cannot be done.
bool is_not_done(ProblemCode code) { return code == ProblemCode::not_possible || code == ProblemCode::too_slow; }

/// What the names in start_after come to among the VMs there are; a mistake in that key is one of the policy's own.
bool is_of_dependencies(ProblemCode code) {
  return code == ProblemCode::unknown_vm || code == ProblemCode::unmarked_vm || code == ProblemCode::cycle;
}

}  // namespace

SupervisedVm supervised_vm(const VmView& view, const std::map<std::string, double>& stop_ends) {
  SupervisedVm vm;
  vm.uuid = view.uuid;
  vm.name = view.name;
  vm.active = view.active;
  vm.persistent = view.persistent;
  vm.autostart = view.autostart;
  vm.managed_save = view.managed_save;
  vm.has_overrides = !view.policy_overrides->empty();
  Policy policy;
  apply_policy(policy, *view.policy);
  vm.start = policy.start;
  vm.stop_timeout_sec = policy.stop_timeout_sec;
  vm.gave_up = view.phase == Phase::gave_up;
  if (view.phase == Phase::waiting) vm.waits = view.phase_reason;
  if (vm.gave_up || view.phase == Phase::inactive || view.phase == Phase::waiting) vm.last_error = view.last_error;
  vm.start_if_paths = policy.start_if_paths;
  vm.after_units = policy.after_units;
  vm.ports = policy.ports;
  for (const auto& problem : view.policy_problems) {
    if (is_not_done(problem.code)) {
      vm.not_done.push_back(problem);
      continue;
    }
    (is_of_dependencies(problem.code) ? vm.dependency_problems : vm.policy_problems)
        .push_back(to_text(std::vector{problem}));
  }
  vm.networks = view.networks;
  vm.scope = view.scope;
  if (const auto end = stop_ends.find(view.uuid); end != stop_ends.end()) vm.stop_end_sec = end->second;
  return vm;
}

Result<std::string> ApiService::find_vm(const std::string& name_or_uuid) const {
  return parts_.supervisor.find_vm(name_or_uuid);
}

std::vector<VmView> ApiService::list_vms() const {
  std::vector<VmView> views;
  for (const auto& uuid : parts_.supervisor.uuids()) views.push_back(parts_.supervisor.view(uuid));
  std::ranges::stable_sort(views, {}, &VmView::name);
  return views;
}

/// What is asked of a daemon that does not answer would hang with it.
Result<void> ApiService::check_answers() const {
  if (parts_.link.state() != LibvirtState::not_answering) return {};
  return Error{ErrorCode::libvirt_unavailable, parts_.link.reason()};
}

Result<void> ApiService::check(const VmRequest& request) const {
  if (auto answers = check_answers(); !answers && request.kind != RequestKind::reset_failed) return answers;
  return parts_.supervisor.check(request);
}

void ApiService::request(const VmRequest& request, Done done) {
  if (const auto answers = check_answers(); !answers && request.kind != RequestKind::reset_failed)
    return parts_.requests.when_published(std::move(done))(answers);
  const auto id = parts_.requests.open(std::move(done));
  parts_.tell([&](Moment now) { parts_.supervisor.on_request(id, request, now); });
}

std::vector<Address> ApiService::addresses(const std::string& uuid) const {
  return parts_.supervisor.has(uuid) ? parts_.supervisor.view(uuid).addresses : std::vector<Address>();
}

void ApiService::autostart(const Caller& caller, bool wait, Done done) {
  if (const auto answers = check_answers(); !answers) return parts_.requests.when_published(std::move(done))(answers);
  const auto id = parts_.requests.open(std::move(done));
  parts_.tell([&](Moment now) { parts_.supervisor.on_autostart_request(id, wait, caller, now); });
  parts_.manager_changed();
}

std::vector<PlanStep> ApiService::plan_start() const {
  return parts_.supervisor.plan_start(parts_.host_watcher.read_now(parts_.supervisor.plan_facts()));
}

void ApiService::stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout,
                          Done done) {
  if (const auto answers = check_answers(); !answers) return parts_.requests.when_published(std::move(done))(answers);
  const auto id = parts_.requests.open(std::move(done));
  parts_.tell([&](Moment now) {
    const auto deadline = timeout ? std::optional<SteadyTime>(now.steady + *timeout) : std::nullopt;
    parts_.supervisor.on_stop_all(id, wait, caller, deadline, now);
  });
  parts_.manager_changed();
}

std::vector<PlanStep> ApiService::plan_stop(std::optional<std::chrono::milliseconds> timeout) const {
  return parts_.supervisor.plan_stop(timeout ? Duration(*timeout) : Duration(parts_.session_end.budget()));
}

void ApiService::diagnose(std::function<void(std::vector<Finding>)> found, Done done) {
  parts_.diagnosis.run(supervised_facts(), [found = std::move(found), done = std::move(done)](const auto& findings) {
    found(findings);
    done({});
  });
}

SupervisedFacts ApiService::supervised_facts() const {
  SupervisedFacts facts;
  const auto stop_ends = parts_.supervisor.stop_ends();
  for (const auto& uuid : parts_.supervisor.uuids())
    facts.vms.push_back(supervised_vm(parts_.supervisor.view(uuid), stop_ends));
  facts.libvirt_daemon = parts_.libvirt_unit.daemon();
  facts.libvirt_connected = parts_.link.state() == LibvirtState::ready;
  facts.libvirt_managed = parts_.link.managed();
  facts.libvirt_reason = parts_.link.reason();
  facts.stop_budget_usec = static_cast<std::uint64_t>(parts_.session_end.budget().count());
  facts.linger = parts_.login_manager.linger();
  return facts;
}

void ApiService::set_linger(bool enable, bool interactive, Done done) {
  parts_.login_manager.set_linger(enable, interactive, parts_.requests.when_published(std::move(done)));
}

std::vector<HistoryEntry> ApiService::history(const std::string& uuid, std::uint32_t limit) const {
  return parts_.supervisor.history(uuid, limit);
}

void ApiService::reload(Done done) { parts_.requests.when_published(std::move(done))(parts_.reload_config()); }

void ApiService::restart_libvirt(const Caller& caller, bool force, Done done) {
  const auto loss = force || !parts_.link.managed() ? std::string() : parts_.supervisor.loss_by_libvirt_restart();
  if (!loss.empty())
    return parts_.requests.when_published(std::move(done))(
        Error{ErrorCode::busy, loss + ". The option force (virtsessionctl restart-libvirt --force) goes on"});
  parts_.link.restart(caller.name, parts_.requests.when_published(std::move(done)));
}

}  // namespace virtsession
