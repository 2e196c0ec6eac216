// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/unit_watches.hpp"

#include "util/log.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace virtsession {

void UnitWatches::add(const std::string& unit, Changed changed) {
  Watch& watch = watches_[unit];
  watch = Watch{};
  watch.serial = next_serial_++;
  watch.changed = std::move(changed);
}

void UnitWatches::remove(const std::string& unit) { watches_.erase(unit); }

UnitWatches::Watch* UnitWatches::find(const std::string& unit, std::uint64_t serial) {
  const auto found = watches_.find(unit);
  return found != watches_.end() && found->second.serial == serial ? &found->second : nullptr;
}

void UnitWatches::refresh() {
  for (const auto& [unit, watch] : watches_) refresh(unit);
}

void UnitWatches::refresh(const std::string& unit) {
  const auto entry = watches_.find(unit);
  if (entry == watches_.end()) return;
  reader_.find(unit,
               [this, unit, serial = entry->second.serial](const sdbus::Error* error, const sdbus::ObjectPath& path) {
                 Watch* const watch = find(unit, serial);
                 if (watch == nullptr) return;
                 if (error != nullptr)
                   failed(unit, *watch, *error);
                 else
                   found(unit, *watch, path);
               });
}

void UnitWatches::found(const std::string& unit, Watch& watch, const sdbus::ObjectPath& path) {
  const auto serial = watch.serial;
  if (watch.path != path) {
    // Listen first and read then, so that no change is lost in between.
    try {
      watch.proxy = reader_.unit_at(path);
      watch.proxy->uponSignal("PropertiesChanged")
          .onInterface(kPropertiesInterface)
          .call(
              [this, unit, serial](const std::string&, const VariantMap& properties, const std::vector<std::string>&) {
                properties_changed(unit, serial, properties);
              });
      sdbus_compat::finish_registration(*watch.proxy);
      watch.path = path;
    } catch (const sdbus::Error& error) {
      return failed(unit, watch, error);
    }
  }
  reader_.read(*watch.proxy, [this, unit, serial](const sdbus::Error* error, const UnitStatus& status) {
    Watch* const still = find(unit, serial);
    if (still == nullptr) return;
    if (error != nullptr)
      failed(unit, *still, *error);
    else
      update(unit, *still, status);
  });
}

/// systemd sends new values, never mere names, for what a status has of a unit.
void UnitWatches::properties_changed(const std::string& unit, std::uint64_t serial, const VariantMap& properties) {
  Watch* const watch = find(unit, serial);
  if (watch == nullptr || !watch->status) return;  // the answer that is due has it
  UnitStatus status = *watch->status;
  apply_properties(status, properties);
  update(unit, *watch, status);
}

void UnitWatches::update(const std::string& unit, Watch& watch, const UnitStatus& status) {
  if (watch.status == status) return;
  watch.status = status;
  post_([this, unit, serial = watch.serial, status] {
    Watch* const still = find(unit, serial);
    if (still == nullptr) return;
    const Changed changed = still->changed;  // it may end this watch
    changed(status);
  });
}

void UnitWatches::failed(const std::string& unit, Watch& watch, const sdbus::Error& error) {
  // When the manager goes with a call pending, its status is read again as soon as it is back.
  if (error.getName() == "org.freedesktop.DBus.Error.NoReply") return;
  log::warn("Failed to read the status of {}: {}", unit, error.getMessage());
  // systemd's own refusal is about the unit; anything else is about the bus and says nothing of it.
  const bool refused = error.getName() == "org.freedesktop.DBus.Error.InvalidArgs" ||
                       std::string_view(error.getName()).starts_with("org.freedesktop.systemd1.");
  if (!refused) return;
  UnitStatus status;
  status.load_state = "error";
  update(unit, watch, status);
}

}  // namespace virtsession
