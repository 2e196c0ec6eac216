// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon.hpp"
#include "now.hpp"
#include "util/log.hpp"

#include <algorithm>

// What the D-Bus objects ask for. Completions wait in requests_ until the pass in which their answer came has published
// what it changed.

namespace virtsession {

Result<std::string> Daemon::find_vm(const std::string& name_or_uuid) const { return supervisor_.find_vm(name_or_uuid); }

std::vector<VmView> Daemon::list_vms() const {
  std::vector<VmView> views;
  for (const auto& uuid : supervisor_.uuids()) views.push_back(supervisor_.view(uuid));
  std::ranges::stable_sort(views, {}, &VmView::name);
  return views;
}

Result<void> Daemon::check(const VmRequest& request) const { return supervisor_.check(request); }

void Daemon::request(const VmRequest& request, Done done) {
  const auto id = next_request_++;
  requests_.emplace(id, std::move(done));
  tell([&](Moment now) { supervisor_.on_request(id, request, now); });
}

void Daemon::autostart(const std::string& caller, bool wait, Done done) {
  const auto id = next_request_++;
  requests_.emplace(id, std::move(done));
  tell([&](Moment now) { supervisor_.on_autostart_request(id, wait, caller, now); });
  manager_changed_ = true;
}

std::vector<PlanStep> Daemon::plan_start() const {
  return supervisor_.plan_start(host_watcher_.read_now(supervisor_.plan_facts()));
}

std::vector<HistoryEntry> Daemon::history(const std::string& uuid, std::uint32_t limit) const {
  return supervisor_.history(uuid, limit);
}

Result<void> Daemon::reload() {
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
  return {};
}

void Daemon::restart_libvirt(const std::string& caller, Done done) { link_.restart(caller, std::move(done)); }

}  // namespace virtsession
