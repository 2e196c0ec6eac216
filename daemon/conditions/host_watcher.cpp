// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/host_watcher.hpp"

#include "conditions/kernel_facts.hpp"
#include "conditions/power_supply.hpp"
#include "conditions/uevent_monitor.hpp"
#include "systemd/user_manager.hpp"

#include <chrono>
#include <set>
#include <stdexcept>
#include <utility>

namespace virtsession {

namespace {

constexpr auto kGraphicalSession = "graphical-session.target";
constexpr std::chrono::milliseconds kLookLimit{500};

}  // namespace

HostWatcher::HostWatcher(EventLoop& loop, UserManager& manager, PathWatcher& paths, Changed changed,
                         HostSources sources)
    : loop_(loop),
      manager_(manager),
      path_watcher_(paths),
      changed_(std::move(changed)),
      sources_(std::move(sources)),
      memory_timer_(loop, [this] { read_memory(); }),
      room_timer_(loop, [this] { read_room(); }),
      usb_timer_(loop, [this] { read_usb_devices(); }),
      mount_points_(loop, sources_.mount_points, [this] { check_later(); }),
      mail_(loop) {}

HostWatcher::~HostWatcher() {
  want_graphical_session(false);
  want_units({});
}

void HostWatcher::want(const WantedFacts& wanted) {
  if (wanted == wanted_) return;
  want_power(wanted);
  want_graphical_session(wanted.graphical_session);
  want_units(wanted.units);
  want_memory(wanted.memory);
  want_paths(wanted.paths);
  want_room(wanted.free_bytes);
  want_usb_devices(wanted.usb_devices);
  wanted_ = wanted;
  check_later();
}

void HostWatcher::want_power(const WantedFacts& wanted) {
  if (!wanted.ac_power && !wanted.battery_charge) return power_.reset();
  if (!power_) power_ = std::make_unique<PowerSupply>(loop_, sources_, [this] { check_later(); });
  power_->follow_charge(wanted.battery_charge);
}

void HostWatcher::want_graphical_session(bool wanted) {
  if (wanted == wanted_.graphical_session) return;
  wanted_.graphical_session = wanted;
  if (!wanted) {
    manager_.unwatch_unit(kGraphicalSession);
    graphical_session_.reset();
    return;
  }
  manager_.watch_unit(kGraphicalSession, lifetime_.bind([this](const UnitStatus& status) {
    graphical_session_ = last_graphical_session_ = status.active_state == "active";
    check_later();
  }));
}

void HostWatcher::want_units(const std::set<std::string>& wanted) {
  for (const auto& unit : wanted_.units) {
    if (wanted.contains(unit)) continue;
    manager_.unwatch_unit(unit);
    units_.erase(unit);
  }
  for (const auto& unit : wanted) {
    if (wanted_.units.contains(unit)) continue;
    manager_.watch_unit(unit, lifetime_.bind([this, unit](const UnitStatus& status) {
      units_[unit] = status.active_state == "active" || status.active_state == "reloading";
      check_later();
    }));
  }
  wanted_.units = wanted;
}

/// The one thing that is polled: nothing tells when memory gets free. Pressure stall information (PSI) has triggers,
/// but they tell of tasks that stall for want of memory, not of memory that becomes available; on an idle host they
/// never fire. So it is read at an interval while, and only while, a VM waits for memory.
void HostWatcher::want_memory(bool wanted) {
  if (wanted == wanted_.memory) return;
  if (wanted) return read_memory();
  memory_timer_.cancel();
  available_memory_mib_.reset();
}

void HostWatcher::read_memory() {
  available_memory_mib_ = read_available_memory_mib(sources_.meminfo);
  // Coarse, so that the kernel can wake up for others' timers at the same time.
  memory_timer_.set(EventLoop::Clock::now() + sources_.memory_interval, sources_.memory_interval / 10);
  check_later();
}

void HostWatcher::want_usb_devices(bool wanted) {
  if (wanted == wanted_.usb_devices) return;
  if (!wanted) {
    usb_uevents_.reset();
    usb_timer_.cancel();
    usb_devices_.reset();
    return;
  }
  usb_uevents_ = std::make_unique<UeventMonitor>(
      loop_, sources_.usb_subsystem, [this] { usb_timer_.set(EventLoop::Clock::now() + sources_.usb_settles); });
  read_usb_devices();
}

void HostWatcher::read_usb_devices() {
  usb_devices_ = virtsession::read_usb_devices(sources_.usb_devices);
  check_later();
}

/// Nothing tells when there is room again, either: it is read at the interval of the memory, while a VM waits for it.
void HostWatcher::want_room(const std::set<std::string>& wanted) {
  if (wanted == wanted_.free_bytes) return;
  wanted_.free_bytes = wanted;
  free_bytes_.clear();
  if (wanted.empty()) return room_timer_.cancel();
  read_room();
}

/// A file system may hang: it is not asked again until it has answered, and the loop never waits for it.
void HostWatcher::read_room() {
  room_timer_.set(EventLoop::Clock::now() + sources_.memory_interval, sources_.memory_interval / 10);
  for (const auto& file : wanted_.free_bytes) {
    if (!room_is_read_.insert(file).second) continue;
    const bool begun = mail_.run<std::optional<std::uint64_t>>(
        "room", [file] { return read_free_bytes(file); },
        [this, file](std::optional<std::uint64_t> free_bytes) {
          room_is_read_.erase(file);
          if (!wanted_.free_bytes.contains(file)) return;
          free_bytes_.erase(file);
          if (free_bytes) free_bytes_[file] = *free_bytes;
          check_later();
        });
    if (!begun) room_is_read_.erase(file);
  }
}

void HostWatcher::want_paths(const std::set<std::string>& wanted) {
  std::erase_if(paths_, [&](const auto& watch) { return !wanted.contains(watch.first); });
  bool more = false;
  for (const auto& path : wanted) {
    if (paths_.contains(path)) continue;
    PathWatcher::Handle handle;
    if (path.starts_with('/')) handle = path_watcher_.watch(path, [this](const std::string&) { check_later(); });
    paths_.emplace(path, std::move(handle));
    more = true;
  }
  if (more) mount_points_.refresh();
}

PathFacts HostWatcher::with_mount_point(const std::string& path, PathFacts facts) const {
  facts.is_mount_point = mount_points_.contains(path);
  return facts;
}

HostFacts HostWatcher::facts() const {
  HostFacts facts;
  if (power_) {
    facts.on_ac_power = power_->on_ac_power();
    facts.battery_charge = power_->charge();
  }
  facts.graphical_session = graphical_session_;
  facts.available_memory_mib = available_memory_mib_;
  for (const auto& [path, watch] : paths_) {
    if (!watch)
      facts.paths[path] = {};
    else if (const auto known = watch.facts(); known && mount_points_.known())
      facts.paths[path] = with_mount_point(path, *known);
  }
  facts.free_bytes = free_bytes_;
  facts.units = units_;
  facts.usb_devices = usb_devices_;
  return facts;
}

HostFacts HostWatcher::read_now(const WantedFacts& wanted) {
  HostFacts facts;
  if (wanted.ac_power) {
    facts.on_ac_power = power_ ? power_->on_ac_power() : std::nullopt;
    if (!facts.on_ac_power) facts.on_ac_power = on_ac_power(sources_.power_supplies);
  }
  if (wanted.graphical_session) facts.graphical_session = last_graphical_session_;
  if (wanted.memory) facts.available_memory_mib = read_available_memory_mib(sources_.meminfo);
  facts.paths = look_now(wanted.paths);
  for (const auto& unit : wanted.units)
    if (const auto known = units_.find(unit); known != units_.end()) facts.units.insert(*known);
  return facts;
}

/// Threads look, all at once; what one of them hangs at is not looked at by another.
std::map<std::string, PathFacts> HostWatcher::look_now(const std::set<std::string>& paths) {
  std::map<std::string, PathFacts> facts;
  const auto deadline = EventLoop::Clock::now() + kLookLimit;
  for (const auto& path : paths) {
    if (!path.starts_with('/')) {
      facts[path] = {};
      continue;
    }
    // A look that hung at the last dry run, and has ended since, tells what was so then.
    const auto old = looks_.find(path);
    if (old != looks_.end() && (old->second.get(Deadline()) || !old->second.failure().empty())) looks_.erase(old);
    looks_.try_emplace(path, "path", [path] { return look_at_path(path); });
  }
  // fstab and units are known from the last time that somebody waited for a path; now it is known what is there.
  Bounded<std::set<std::string>> points("mount-points",
                                        [sources = sources_.mount_points] { return read_mount_points(sources); });
  const auto said = points.get(deadline).value_or(std::set<std::string>{});
  for (const auto& path : paths) {
    const auto look = looks_.find(path);
    if (look == looks_.end()) continue;
    const auto seen = look->second.get(deadline);
    facts[path] = with_mount_point(path, seen.value_or(PathFacts{.answers = false}));
    facts[path].is_mount_point |= said.contains(path);
    if (seen) looks_.erase(look);
  }
  return facts;
}

/// Once for everything that happens in a pass, and never inside a call of the owner's.
void HostWatcher::check_later() {
  if (std::exchange(check_pending_, true)) return;
  loop_.post(lifetime_.weak(), [this] { check(); });
}

void HostWatcher::check() {
  check_pending_ = false;
  auto now = facts();
  if (now == reported_) return;
  reported_ = std::move(now);
  const auto changed = changed_;  // it may destroy this
  const auto known = reported_;
  changed(known);
}

}  // namespace virtsession
