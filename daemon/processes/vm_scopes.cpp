// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/vm_scopes.hpp"

#include "util/unit_name.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace virtsession {

namespace {

constexpr std::string_view kPrefix = "virtsession-";
constexpr std::size_t kUnitNameMax = 255;
constexpr std::chrono::minutes kLastMoveRetry{5};

/// The same for the same units in every instance and build: FNV-1a.
std::uint32_t hash_of(const std::set<std::string>& units) {
  std::uint32_t hash = 2166136261;
  for (const auto& unit : units) {
    for (const char letter : unit) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619;
    hash *= 16777619;  // as of a NUL between them
  }
  return hash;
}

/// "-1a2b3c4d.scope": what the scopes of a VM have in common, whatever its name was.
std::string suffix(const std::string& uuid, const std::set<std::string>& after_units) {
  const auto order = after_units.empty() ? std::string() : fmt::format("-{:08x}", hash_of(after_units));
  return '-' + uuid.substr(0, 8) + order + ".scope";
}

bool is_scope_of(const std::string& unit, const std::string& uuid, const std::set<std::string>& after_units) {
  return unit.starts_with(kPrefix) && unit.ends_with(suffix(uuid, after_units));
}

}  // namespace

std::string scope_name(const std::string& name, const std::string& uuid, const std::set<std::string>& after_units) {
  const auto end = suffix(uuid, after_units);
  std::string unit(kPrefix);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto letter = escape_for_unit(name[i], i == 0);
    if (unit.size() + letter.size() + end.size() > kUnitNameMax) break;
    unit += letter;
  }
  return unit + end;
}

VmScopes::VmScopes(EventLoop& loop, UserManager& manager, OnScope on_scope, ScopeSources sources)
    : loop_(loop),
      manager_(manager),
      on_scope_(std::move(on_scope)),
      sources_(std::move(sources)),
      timer_(loop, [this] { retry(); }),
      backoff_(static_cast<std::uint32_t>(getpid())) {}

void VmScopes::want(const std::map<std::string, WantedScope>& wanted) {
  if (wanted == wanted_) return;
  wanted_ = wanted;
  std::erase_if(runs_, [&](const auto& entry) {
    const auto still = wanted.find(entry.first);
    return still == wanted.end() || still->second.domain_id != entry.second.wanted.domain_id;
  });
  for (const auto& [uuid, scope] : wanted) {
    const auto [entry, is_new] = runs_.try_emplace(uuid);
    Run& run = entry->second;
    const bool moves = !is_new && run.wanted.after_units != scope.after_units;
    run.wanted = scope;
    if (is_new) {
      run.uuid = uuid;
      run.serial = next_serial_++;
      look(run);
    } else if (moves) {
      run.serial = next_serial_++;  // what was asked for is about the scope before
      run.is_ready = false;
      run.limits.reset();
      look(run);
    } else if (run.is_ready && run.limits != scope.limits) {
      set_limits(run);
    }
  }
}

/// An answer for a run, which may have ended by then.
template <class T, class Then>
std::function<void(const Result<T>&)> VmScopes::for_run(const Run& run, Then then) {
  return lifetime_.bind([this, uuid = run.uuid, serial = run.serial, then = std::move(then)](const Result<T>& result) {
    const auto still = runs_.find(uuid);
    if (still != runs_.end() && still->second.serial == serial) then(still->second, result);
  });
}

void VmScopes::look(Run& run) {
  const auto processes = sources_.find(run.wanted.name, run.uuid, run.wanted.domain_id);
  if (!processes) return retry_later(run);
  run.started_usec = started_usec(processes->qemu);
  run.unit = sources_.unit_of(processes->qemu);
  if (is_scope_of(run.unit, run.uuid, run.wanted.after_units)) return ready(run);
  start(run, *processes);
}

void VmScopes::start(Run& run, const VmProcesses& processes) {
  run.unit = scope_name(run.wanted.name, run.uuid, run.wanted.after_units);
  std::vector<pid_t> pids{processes.qemu};
  pids.insert(pids.end(), processes.helpers.begin(), processes.helpers.end());
  run.moved = {pids.begin(), pids.end()};
  const auto limits = run.wanted.limits;
  manager_.start_scope({run.unit, "VM " + run.wanted.name, limits, run.wanted.after_units}, pids,
                       for_run(run, [this, pids, limits](Run& started, const Result<void>& result) {
                         if (!result) return join(started, pids, result.error());
                         started.limits = limits;
                         ready(started);
                       }));
}

/// The scope of the run before may still be there, for a helper that has not ended.
void VmScopes::join(Run& run, const std::vector<pid_t>& pids, const Error& start_error) {
  manager_.add_to_scope(run.unit, pids, for_run(run, [this, start_error](Run& joined, const Result<void>& result) {
                          if (result) return ready(joined);
                          fail(joined, start_error);
                        }));
}

void VmScopes::ready(Run& run) {
  run.is_ready = true;
  run.attempt = 0;
  run.problem.reset();
  report(run, {});
  settle(run);
}

void VmScopes::settle(Run& run) {
  add_helpers(run);
  if (run.limits != run.wanted.limits) set_limits(run);
}

/// Those that were started after QEMU was found, and those that stayed behind.
void VmScopes::add_helpers(Run& run) {
  const auto processes = sources_.find(run.wanted.name, run.uuid, run.wanted.domain_id);
  if (!processes) return;
  std::vector<pid_t> pids;
  for (const pid_t pid : processes->helpers)
    if (!run.moved.contains(pid) && sources_.unit_of(pid) != run.unit) pids.push_back(pid);
  if (pids.empty()) return;
  run.moved.insert(pids.begin(), pids.end());
  manager_.add_to_scope(run.unit, pids, for_run(run, [this, pids](Run& added, const Result<void>& result) {
                          if (result) return;
                          for (const pid_t pid : pids) added.moved.erase(pid);
                          fail(added, result.error());
                        }));
}

void VmScopes::set_limits(Run& run) {
  run.limits = run.wanted.limits;
  manager_.set_scope_limits(run.unit, *run.limits, for_run(run, [this](Run& changed, const Result<void>& result) {
                              if (result) return;
                              changed.limits.reset();
                              fail(changed, result.error());
                            }));
}

void VmScopes::fail(Run& run, const Error& error) {
  const bool has_ended = !sources_.find(run.wanted.name, run.uuid, run.wanted.domain_id);
  if (has_ended || error.code == ErrorCode::not_supported) return retry_later(run);
  manager_.system_state(for_run<std::string>(run, [this, error](Run& failed, const Result<std::string>& state) {
    // While it stops, the manager starts nothing, and nothing has to be started.
    if (state && *state == "stopping") return;
    retry_later(failed);
    report(failed, error.message);
    failed.problem.write(log::Level::warning, {},
                         fmt::format("Failed to keep VM \"{}\" in its scope: {}", failed.wanted.name, error.message),
                         EventLoop::Clock::now());
  }));
}

void VmScopes::report(const Run& run, const std::string& error) {
  const Report told{run.uuid, run.is_ready ? run.unit : std::string(), error, run.started_usec};
  loop_.post(lifetime_.weak(), [this, told] {
    if (on_scope_) on_scope_(told);
  });
}

void VmScopes::retry_later(Run& run) {
  run.retry_at = EventLoop::Clock::now() + backoff_.wait(run.attempt++, sources_.first_retry, kLastMoveRetry);
  set_timer();
}

void VmScopes::set_timer() {
  std::optional<TimePoint> next;
  for (const auto& [uuid, run] : runs_)
    if (run.retry_at && (!next || *run.retry_at < *next)) next = run.retry_at;
  if (next)
    timer_.set(*next, std::chrono::milliseconds(100));
  else
    timer_.cancel();
}

void VmScopes::retry() {
  const auto now = EventLoop::Clock::now();
  for (auto& [uuid, run] : runs_) {
    if (!run.retry_at || *run.retry_at > now) continue;
    run.retry_at.reset();
    if (run.is_ready)
      settle(run);
    else
      look(run);
  }
  set_timer();
}

}  // namespace virtsession
