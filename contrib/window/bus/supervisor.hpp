// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/dbus_call.hpp"
#include "model/plan_view.hpp"

#include <gio/gio.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// virtsessiond as seen over the session bus: what it last said of itself and its VMs, kept up to date by its signals,
/// and calls to it. No call waits; nothing starts virtsessiond but turn_on(). Main thread only.
class Supervisor {
 public:
  enum class Presence { not_known, absent, present };

  explicit Supervisor(GDBusConnection* bus);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Presence presence() const { return presence_; }
  bool libvirt_ready() const { return manager_.text("LibvirtState") == "ready"; }
  const Properties& manager() const { return manager_; }
  /// All VMs, by name.
  const std::vector<VmInfo>& vms() const { return vms_; }
  /// \return nullptr when there is none
  const VmInfo* find(const std::string& uuid) const;
  const VmInfo* find_path(const std::string& path) const;

  /// Calls `changed` once after everything that came at the same time.
  void on_change(std::function<void()> changed) { changed_.push_back(std::move(changed)); }

  /// Starts it now and, where systemd can be asked, at every login.
  void turn_on(std::function<void(const CallError&)> done);

  /// \param arguments floating, or nullptr for an empty dictionary of options
  void call_manager(const char* method, GVariant* arguments, Reply reply);
  void call_vm(const std::string& uuid, const char* method, GVariant* arguments, Reply reply);
  /// Sets one key of a VM's policy. \param value neither null nor an object
  void set_policy(const std::string& uuid, const std::string& key, const nlohmann::json& value, Reply reply);
  void plan(const char* method, std::function<void(const Plan&)> done);

  GDBusConnection* bus() const { return bus_; }

 private:
  void appeared(const char* owner);
  void vanished();
  void read_all();
  void take_objects(GVariant* objects);
  void put(const char* path, GVariant* properties);
  void properties_changed(const char* path, GVariant* arguments);
  void announce();
  void call(const Method& method, GVariant* arguments, Reply reply);

  GDBusConnection* bus_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  guint watch_ = 0;
  std::vector<guint> subscriptions_;
  guint idle_ = 0;
  std::string owner_;
  Presence presence_ = Presence::not_known;
  Properties manager_;
  std::vector<VmInfo> vms_;
  std::vector<std::function<void()>> changed_;
};

}  // namespace virtsession::window
