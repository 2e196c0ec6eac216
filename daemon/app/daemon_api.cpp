// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/daemon.hpp"
#include "util/log.hpp"
#include "util/now.hpp"

#include <algorithm>

// What the D-Bus objects ask for. Completions wait in requests_ until the pass in which their answer came has published
// what it changed.

namespace virtsession {

namespace {

SupervisedVm supervised_vm(const VmView& view, const std::map<std::string, double>& stop_ends) {
  SupervisedVm vm;
  vm.uuid = view.uuid;
  vm.name = view.name;
  vm.active = view.active;
  vm.persistent = view.persistent;
  vm.autostart = view.autostart;
  vm.managed_save = view.managed_save;
  vm.has_overrides = !view.policy_overrides.empty();
  Policy policy;
  apply_policy(policy, view.policy);
  vm.start = policy.start;
  vm.start_if_paths = policy.start_if_paths;
  for (const auto& problem : view.policy_problems) {
    // Those of start_after among the VMs there are come with the others.
    auto& problems = problem.pointer.starts_with("/start_after") ? vm.dependency_problems : vm.policy_problems;
    problems.push_back(to_text(std::vector{problem}));
  }
  vm.networks = view.networks;
  vm.scope = view.scope;
  if (const auto end = stop_ends.find(view.uuid); end != stop_ends.end()) vm.stop_end_sec = end->second;
  return vm;
}

}  // namespace

Result<std::string> Daemon::find_vm(const std::string& name_or_uuid) const { return supervisor_.find_vm(name_or_uuid); }

std::vector<VmView> Daemon::list_vms() const {
  std::vector<VmView> views;
  for (const auto& uuid : supervisor_.uuids()) views.push_back(supervisor_.view(uuid));
  std::ranges::stable_sort(views, {}, &VmView::name);
  return views;
}

RequestId Daemon::expect(Done done) {
  const auto id = next_request_++;
  requests_.emplace(id, std::move(done));
  return id;
}

Api::Done Daemon::when_published(Done done) {
  return [this, id = expect(std::move(done))](const Result<void>& result) { answers_.push_back({id, result}); };
}

Result<void> Daemon::check(const VmRequest& request) const { return supervisor_.check(request); }

void Daemon::request(const VmRequest& request, Done done) {
  const auto id = expect(std::move(done));
  tell([&](Moment now) { supervisor_.on_request(id, request, now); });
}

void Daemon::autostart(const Caller& caller, bool wait, Done done) {
  const auto id = expect(std::move(done));
  tell([&](Moment now) { supervisor_.on_autostart_request(id, wait, caller, now); });
  manager_changed_ = true;
}

std::vector<PlanStep> Daemon::plan_start() const {
  return supervisor_.plan_start(host_watcher_.read_now(supervisor_.plan_facts()));
}

void Daemon::stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout, Done done) {
  const auto id = expect(std::move(done));
  tell([&](Moment now) {
    const auto deadline = timeout ? std::optional<SteadyTime>(now.steady + *timeout) : std::nullopt;
    supervisor_.on_stop_all(id, wait, caller, deadline, now);
  });
  manager_changed_ = true;
}

std::vector<PlanStep> Daemon::plan_stop(std::optional<std::chrono::milliseconds> timeout) const {
  return supervisor_.plan_stop(timeout ? Duration(*timeout) : Duration(session_end_.budget()));
}

void Daemon::diagnose(std::function<void(std::vector<Finding>)> found, Done done) {
  diagnosis_.run(supervised_facts(), [found = std::move(found), done = std::move(done)](const auto& findings) {
    found(findings);
    done({});
  });
}

SupervisedFacts Daemon::supervised_facts() const {
  SupervisedFacts facts;
  const auto stop_ends = supervisor_.stop_ends();
  for (const auto& uuid : supervisor_.uuids()) facts.vms.push_back(supervised_vm(supervisor_.view(uuid), stop_ends));
  facts.libvirt_daemon = link_.daemon();
  facts.libvirt_connected = link_.state() == LibvirtState::ready;
  facts.libvirt_managed = link_.managed();
  facts.libvirt_reason = link_.reason();
  facts.stop_budget_usec = static_cast<std::uint64_t>(session_end_.budget().count());
  facts.linger = login_manager_.linger();
  return facts;
}

void Daemon::set_linger(bool enable, bool interactive, Done done) {
  login_manager_.set_linger(enable, interactive, when_published(std::move(done)));
}

std::vector<HistoryEntry> Daemon::history(const std::string& uuid, std::uint32_t limit) const {
  return supervisor_.history(uuid, limit);
}

void Daemon::reload(Done done) { when_published(std::move(done))(reload_config()); }

Result<void> Daemon::reload_config() {
  auto loaded = load_config();
  manager_changed_ = true;
  if (!loaded.problems.empty()) {
    config_.problems = loaded.problems;
    const auto text = loaded.path + " is not used, the configuration stays as it was: " + to_text(loaded.problems);
    log::error("{}", text);
    return Error{ErrorCode::invalid_config, text};
  }
  config_ = std::move(loaded);
  log::info("Configuration read from {}", config_.path.empty() ? "the built-in defaults" : config_.path);
  apply_config();
  tell([&](Moment now) { supervisor_.on_config(config_.config, now); });
  link_.use_daemon(choose_daemon());
  if (link_.managed()) session_end_.read_budget();
  return {};
}

void Daemon::restart_libvirt(const Caller& caller, Done done) {
  link_.restart(caller.name, when_published(std::move(done)));
}

}  // namespace virtsession
