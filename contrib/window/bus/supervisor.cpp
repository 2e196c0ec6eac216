// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/supervisor.hpp"

#include "bus/variant_json.hpp"

#include <algorithm>

namespace virtsession::window {
namespace {

constexpr const char* kName = "org.virtsession.Supervisor1";
constexpr const char* kRoot = "/org/virtsession/Supervisor1";
constexpr const char* kManager = "org.virtsession.Supervisor1.Manager";
constexpr const char* kVm = "org.virtsession.Supervisor1.VM";
constexpr const char* kObjectManager = "org.freedesktop.DBus.ObjectManager";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

GVariant* no_options() { return g_variant_new("(@a{sv})", g_variant_new("a{sv}", nullptr)); }

}  // namespace

Supervisor::Supervisor(GDBusConnection* bus) : bus_(static_cast<GDBusConnection*>(g_object_ref(bus))) {
  watch_ = g_bus_watch_name_on_connection(
      bus_, kName, G_BUS_NAME_WATCHER_FLAGS_NONE,
      [](GDBusConnection*, const gchar*, const gchar* owner, gpointer self) {
        static_cast<Supervisor*>(self)->appeared(owner);
      },
      [](GDBusConnection*, const gchar*, gpointer self) { static_cast<Supervisor*>(self)->vanished(); }, this, nullptr);
}

Supervisor::~Supervisor() {
  g_bus_unwatch_name(watch_);
  for (const auto id : subscriptions_) g_dbus_connection_signal_unsubscribe(bus_, id);
  if (idle_) g_source_remove(idle_);
  g_object_unref(bus_);
}

const VmInfo* Supervisor::find(const std::string& uuid) const {
  const auto found = std::ranges::find_if(vms_, [&](const VmInfo& vm) { return vm.uuid() == uuid; });
  return found == vms_.end() ? nullptr : &*found;
}

const VmInfo* Supervisor::find_path(const std::string& path) const {
  const auto found = std::ranges::find(vms_, path, &VmInfo::path);
  return found == vms_.end() ? nullptr : &*found;
}

void Supervisor::appeared(const char* owner) {
  vanished();
  owner_ = owner;
  presence_ = Presence::not_known;
  const auto subscribe = [&](const char* interface, const char* member, GDBusSignalCallback callback) {
    subscriptions_.push_back(g_dbus_connection_signal_subscribe(bus_, owner, interface, member, nullptr, nullptr,
                                                                G_DBUS_SIGNAL_FLAGS_NONE, callback, this, nullptr));
  };
  subscribe(kProperties, "PropertiesChanged",
            [](GDBusConnection*, const gchar*, const gchar* path, const gchar*, const gchar*, GVariant* arguments,
               gpointer self) { static_cast<Supervisor*>(self)->properties_changed(path, arguments); });
  subscribe(
      kObjectManager, "InterfacesAdded",
      [](GDBusConnection*, const gchar*, const gchar*, const gchar*, const gchar*, GVariant* arguments, gpointer self) {
        const char* path = nullptr;
        GVariant* interfaces = nullptr;
        g_variant_get(arguments, "(&o@a{sa{sv}})", &path, &interfaces);
        if (GVariant* const vm = g_variant_lookup_value(interfaces, kVm, nullptr)) {
          static_cast<Supervisor*>(self)->put(path, vm);
          g_variant_unref(vm);
        }
        g_variant_unref(interfaces);
      });
  subscribe(
      kObjectManager, "InterfacesRemoved",
      [](GDBusConnection*, const gchar*, const gchar*, const gchar*, const gchar*, GVariant* arguments, gpointer self) {
        const char* path = nullptr;
        g_variant_get_child(arguments, 0, "&o", &path);
        auto& supervisor = *static_cast<Supervisor*>(self);
        std::erase_if(supervisor.vms_, [&](const VmInfo& vm) { return vm.path == path; });
        supervisor.announce();
      });
  read_all();
}

void Supervisor::vanished() {
  for (const auto id : subscriptions_) g_dbus_connection_signal_unsubscribe(bus_, id);
  subscriptions_.clear();
  owner_.clear();
  vms_.clear();
  manager_ = Properties();
  presence_ = Presence::absent;
  announce();
}

/// Signals that come between the questions and the answers are of what the answers have, too.
void Supervisor::read_all() {
  call({owner_.c_str(), kRoot, kProperties, "GetAll"}, g_variant_new("(s)", kManager),
       [this](GVariant* reply, const CallError& error) {
         if (error) return;
         GVariant* const values = g_variant_get_child_value(reply, 0);
         manager_ = Properties(json_of(values));
         g_variant_unref(values);
       });
  call({owner_.c_str(), kRoot, kObjectManager, "GetManagedObjects"}, nullptr,
       [this](GVariant* reply, const CallError& error) {
         if (error) return;
         GVariant* const objects = g_variant_get_child_value(reply, 0);
         take_objects(objects);
         g_variant_unref(objects);
         presence_ = Presence::present;
         announce();
       });
}

void Supervisor::take_objects(GVariant* objects) {
  vms_.clear();
  GVariantIter iterator;
  g_variant_iter_init(&iterator, objects);
  const char* path = nullptr;
  GVariant* interfaces = nullptr;
  while (g_variant_iter_next(&iterator, "{&o@a{sa{sv}}}", &path, &interfaces)) {
    if (GVariant* const vm = g_variant_lookup_value(interfaces, kVm, nullptr)) {
      vms_.emplace_back(path, json_of(vm));
      g_variant_unref(vm);
    }
    g_variant_unref(interfaces);
  }
  std::ranges::sort(vms_, {}, [](const VmInfo& vm) { return std::pair(vm.name(), vm.uuid()); });
}

void Supervisor::put(const char* path, GVariant* properties) {
  std::erase_if(vms_, [&](const VmInfo& vm) { return vm.path == path; });
  VmInfo vm(path, json_of(properties));
  const auto key = [](const VmInfo& one) { return std::pair(one.name(), one.uuid()); };
  vms_.insert(std::ranges::lower_bound(vms_, key(vm), {}, key), std::move(vm));
  announce();
}

void Supervisor::properties_changed(const char* path, GVariant* arguments) {
  const char* interface = nullptr;
  GVariant* values = nullptr;
  g_variant_get(arguments, "(&s@a{sv}as)", &interface, &values, nullptr);
  const auto changed = json_of(values);
  g_variant_unref(values);
  if (std::string_view(interface) == kManager) manager_.update(changed);
  const auto vm = std::ranges::find(vms_, path, &VmInfo::path);
  if (std::string_view(interface) == kVm && vm != vms_.end()) vm->update(changed);
  announce();
}

void Supervisor::announce() {
  if (idle_) return;
  idle_ = g_idle_add(
      [](gpointer data) -> gboolean {
        auto& self = *static_cast<Supervisor*>(data);
        self.idle_ = 0;
        for (const auto& changed : self.changed_) changed();
        return G_SOURCE_REMOVE;
      },
      this);
}

void Supervisor::turn_on(std::function<void(const CallError&)> done) {
  const char* const units[] = {"virtsessiond.service", nullptr};
  call({"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "EnableUnitFiles"},
       g_variant_new("(^asbb)", units, FALSE, FALSE),
       [this, done](GVariant*, const CallError&) {  // a session without systemd has it until its end
         call({"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "StartServiceByName"},
              g_variant_new("(su)", kName, 0U), [done](GVariant*, const CallError& error) { done(error); });
       });
}

void Supervisor::call_manager(const char* method, GVariant* arguments, Reply reply) {
  call({kName, kRoot, kManager, method}, arguments ? arguments : no_options(), std::move(reply));
}

void Supervisor::call_vm(const std::string& uuid, const char* method, GVariant* arguments, Reply reply) {
  if (!arguments) arguments = no_options();
  const auto* const vm = find(uuid);
  if (!vm) {
    g_variant_unref(g_variant_ref_sink(arguments));
    return;
  }
  call({kName, vm->path.c_str(), kVm, method}, arguments, std::move(reply));
}

void Supervisor::set_policy(const std::string& uuid, const std::string& key, const nlohmann::json& value, Reply reply) {
  GVariantBuilder policy;
  g_variant_builder_init(&policy, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&policy, "{sv}", key.c_str(), variant_of(value));
  call_vm(uuid, "SetPolicy",
          g_variant_new("(@a{sv}@a{sv})", g_variant_builder_end(&policy), g_variant_new("a{sv}", nullptr)),
          std::move(reply));
}

void Supervisor::plan(const char* method, std::function<void(const Plan&)> done) {
  call_manager(method, nullptr, [done = std::move(done)](GVariant* reply, const CallError& error) {
    if (error) return;
    Plan steps;
    GVariant* const rows = g_variant_get_child_value(reply, 0);
    GVariantIter iterator;
    g_variant_iter_init(&iterator, rows);
    guint32 wave = 0;
    const char *path = nullptr, *name = nullptr, *decision = nullptr, *reason = nullptr;
    while (g_variant_iter_next(&iterator, "(u&o&s&s&s)", &wave, &path, &name, &decision, &reason))
      steps.push_back({wave, path, name, decision, reason});
    g_variant_unref(rows);
    done(steps);
  });
}

void Supervisor::call(const Method& method, GVariant* arguments, Reply reply) {
  call_method(bus_, method, arguments, alive_, std::move(reply));
}

}  // namespace virtsession::window
