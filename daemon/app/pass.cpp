// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/pass.hpp"

#include "util/build_config.hpp"
#include "util/now.hpp"

#include <sysexits.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace virtsession {
namespace {

std::optional<std::uint64_t> unsigned_value(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

std::map<std::string, VmScopes::WantedScope> wanted_scopes(const std::map<std::string, ScopeWish>& wishes) {
  std::map<std::string, VmScopes::WantedScope> wanted;
  for (const auto& [uuid, wish] : wishes) {
    ScopeLimits limits{unsigned_value(wish.cpu_weight), unsigned_value(wish.io_weight),
                       unsigned_value(wish.memory_high_mib)};
    if (limits.memory_high_bytes) *limits.memory_high_bytes *= std::uint64_t{1024} * 1024;
    wanted[uuid] = {wish.name, wish.domain_id, limits, wish.after_units};
  }
  return wanted;
}

}  // namespace

Pass::Pass(const Parts& parts)
    : parts_(parts), tick_(parts.loop, [this] { tell([&](Moment now) { parts_.supervisor.on_tick(now); }); }) {
  end_ = parts.loop.on_pass_end([this] { end(); });
}

void Pass::tell(const std::function<void(Moment now)>& event) {
  event(now());
  for (const auto& action : parts_.supervisor.take_actions()) parts_.actions.run(action);
}

void Pass::end() {
  arrange();
  publish();
  parts_.requests.deliver();
  if (parts_.supervisor.session_over()) parts_.loop.quit(EX_OK);
}

/// Watches, probes and timers follow from the state.
void Pass::arrange() {
  auto& supervisor = parts_.supervisor;
  auto wanted = supervisor.wanted_facts();
  // These cost a signal when they change, and cannot be read without waiting when a dry run asks.
  auto of_plan = supervisor.plan_facts();
  wanted.graphical_session |= of_plan.graphical_session;
  wanted.units.merge(of_plan.units);
  parts_.host_watcher.want(wanted);
  parts_.tcp_prober.want(supervisor.probes());
  supervisor.on_sleep_delay(parts_.login_manager.inhibit_delay_max());
  parts_.login_manager.want_sleep_lock(supervisor.wants_sleep_lock());
  parts_.link.set_awaited(supervisor.awaits_libvirt());
  if (parts_.link.managed()) parts_.vm_scopes.want(wanted_scopes(supervisor.scopes()));
  if (const auto wake = supervisor.wake())
    tick_.set(*wake);
  else
    tick_.cancel();
}

void Pass::publish() {
  auto& supervisor = parts_.supervisor;
  const auto changed = supervisor.take_changed();
  for (const auto& uuid : changed) {
    if (supervisor.has(uuid))
      parts_.tree.update(supervisor.view(uuid));
    else
      parts_.tree.remove(uuid);
  }
  if (!changed.empty()) parts_.state_files.save(supervisor.kept_state());
  if (changed.empty() && !manager_changed_) return;
  manager_changed_ = false;
  parts_.tree.update(manager_view());
  parts_.notify.status(status_text());
}

ManagerView Pass::manager_view() const {
  const auto& supervisor = parts_.supervisor;
  const auto& link = parts_.link;
  ManagerView view;
  view.version = build::kVersion;
  view.libvirt_state = link.state();
  view.libvirt_reason = link.reason();
  view.libvirt_daemon = parts_.libvirt_unit.daemon();
  view.libvirt_version = link.version();
  view.libvirt_managed = link.managed_now();
  view.autostart_state = supervisor.autostart_state();
  view.autostart_reason = supervisor.autostart_reason();
  view.stop_state = supervisor.stop_state();
  view.stop_budget_usec = static_cast<std::uint64_t>(parts_.session_end.budget().count());
  view.linger = parts_.login_manager.linger();
  view.counts = supervisor.counts();
  view.config_path = parts_.config.path();
  view.config_problems = parts_.config.problems();
  return view;
}

std::string Pass::status_text() const {
  const auto& supervisor = parts_.supervisor;
  const auto& link = parts_.link;
  if (auto progress = supervisor.stop_progress(now().steady); !progress.empty()) return progress;
  if (link.state() != LibvirtState::ready)
    return "libvirt: " + std::string(to_text(link.state())) + (link.reason().empty() ? "" : " (" + link.reason() + ")");
  const auto counts = supervisor.counts();
  const auto count = [&](const char* phase) { return counts.contains(phase) ? counts.at(phase) : 0U; };
  auto text = std::to_string(count("total")) + " VMs, " + std::to_string(count("running")) + " running";
  if (const auto stuck = count("stuck"); stuck > 0) text += ", " + std::to_string(stuck) + " stuck";
  if (const auto gave_up = count("gave-up"); gave_up > 0) text += ", " + std::to_string(gave_up) + " gave up";
  return text + "; autostart " + std::string(to_text(supervisor.autostart_state()));
}

}  // namespace virtsession
