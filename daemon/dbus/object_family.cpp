// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/object_family.hpp"

#include "dbus/guard.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace virtsession {

namespace {

void check(int result, const char* what) {
  if (result < 0)
    throw sdbus_compat::make_error(SD_BUS_ERROR_FAILED, std::string(what) + ": " + std::strerror(-result));
}

/// As sd-bus wants them: each with a NUL behind it.
std::string joined(const sdbus_compat::Method& method) {
  std::string names;
  for (const auto* list : {&method.input_names, &method.output_names})
    for (const auto& name : *list) names.append(name).push_back('\0');
  return names;
}

/// Of zeros, which sd-bus wants in what is not set.
sd_bus_vtable row(std::uint8_t type, std::uint64_t flags) {
  sd_bus_vtable row;
  std::memset(&row, 0, sizeof row);
  row.type = type;
  row.flags = flags & ((std::uint64_t{1} << 56) - 1);
  return row;
}

}  // namespace

/// The object that is meant, and nothing is thrown through sd-bus's frames.
template <class Handler>
int ObjectFamily::handle(void* member, sd_bus_error* error, Handler&& handler) noexcept {
  auto& family = static_cast<Member*>(member)->family;
  family.current_ = static_cast<Member*>(member);
  try {
    handler(family);
    return 1;
  } catch (...) {
    family.message_ = nullptr;
    const auto failure = error_in_flight("A call on the bus");
    return sd_bus_error_set(error, failure.getName().c_str(), failure.getMessage().c_str());
  }
}

int ObjectFamily::on_find(sd_bus*, const char* path, const char*, void* self, void** found, sd_bus_error*) {
  *found = static_cast<ObjectFamily*>(self)->find_(path);
  return *found ? 1 : 0;
}

int ObjectFamily::on_list(sd_bus*, const char*, void* self, char*** paths, sd_bus_error*) {
  const auto list = static_cast<ObjectFamily*>(self)->list_();
  // sd-bus frees it.
  auto** const copies = static_cast<char**>(std::calloc(list.size() + 1, sizeof(char*)));
  if (copies == nullptr) return -ENOMEM;
  for (std::size_t i = 0; i < list.size(); ++i) copies[i] = strdup(list[i].c_str());
  *paths = copies;
  return 0;
}

/// sd-bus takes the folder for an object, since something lists what is in it. It is none: it can be looked into.
int ObjectFamily::on_folder(sd_bus_message* message, void* self, sd_bus_error* error) {
  if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Introspectable", nullptr) > 0) return 0;
  return sd_bus_error_setf(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "Unknown object '%s'.",
                           static_cast<const ObjectFamily*>(self)->folder_.c_str());
}

int ObjectFamily::on_call(sd_bus_message* message, void* member, sd_bus_error* error) {
  return handle(member, error, [&](ObjectFamily& family) {
    const auto call = family.bus_.wrap<sdbus::MethodCall>(message);
    family.message_ = &call;
    family.method_.at(sd_bus_message_get_member(message))->call(call);
    family.message_ = nullptr;
  });
}

int ObjectFamily::on_get(sd_bus*, const char*, const char*, const char* name, sd_bus_message* reply, void* member,
                         sd_bus_error* error) {
  return handle(member, error, [&](ObjectFamily& family) {
    auto value = family.bus_.wrap<sdbus::PropertyGetReply>(reply);
    family.property_.at(name)->get(value);
  });
}

int ObjectFamily::on_set(sd_bus*, const char*, const char*, const char* name, sd_bus_message* value, void* member,
                         sd_bus_error* error) {
  return handle(member, error, [&](ObjectFamily& family) {
    auto call = family.bus_.wrap<sdbus::PropertySetCall>(value);
    family.message_ = &call;
    family.property_.at(name)->set(call);
    family.message_ = nullptr;
  });
}

void ObjectFamily::serve(const std::string& interface, Find find, List list) {
  find_ = std::move(find);
  list_ = std::move(list);
  auto begin = row(_SD_BUS_VTABLE_START, 0);
  begin.x.start = {sizeof(sd_bus_vtable), _SD_BUS_VTABLE_PARAM_NAMES, &sd_bus_object_vtable_format};
  table_.push_back(begin);
  argument_names_.reserve(methods_.size());
  for (const auto& method : methods_) {
    const auto& names = argument_names_.emplace_back(joined(method));
    auto made = row(_SD_BUS_VTABLE_METHOD, method.flags.toSdBusMethodFlags());
    made.x.method = {method.name.c_str(), method.inputs.c_str(), method.outputs.c_str(), on_call, 0, names.c_str()};
    table_.push_back(made);
    method_[method.name] = &method;
  }
  for (const auto& property : properties_) {
    const bool writable = static_cast<bool>(property.set);
    auto made = row(writable ? _SD_BUS_VTABLE_WRITABLE_PROPERTY : _SD_BUS_VTABLE_PROPERTY,
                    writable ? property.flags.toSdBusWritablePropertyFlags() : property.flags.toSdBusPropertyFlags());
    made.x.property = {property.name.c_str(), property.type.c_str(), on_get, writable ? on_set : nullptr, 0};
    table_.push_back(made);
    property_[property.name] = &property;
  }
  table_.push_back(row(_SD_BUS_VTABLE_END, 0));

  sd_bus_slot* slot = nullptr;
  check(sd_bus_add_fallback_vtable(bus_.get(), &slot, folder_.c_str(), interface.c_str(), table_.data(), on_find, this),
        "Failed to serve objects");
  objects_.reset(slot);
  check(sd_bus_add_node_enumerator(bus_.get(), &slot, folder_.c_str(), on_list, this), "Failed to list objects");
  paths_.reset(slot);
  check(sd_bus_add_object(bus_.get(), &slot, folder_.c_str(), on_folder, this), "Failed to serve objects");
  folder_itself_.reset(slot);
}

void ObjectFamily::emit_changed(const char* interface, const std::vector<std::string>& names) {
  std::vector<char*> list;
  for (const auto& name : names) list.push_back(const_cast<char*>(name.c_str()));
  list.push_back(nullptr);
  check(sd_bus_emit_properties_changed_strv(bus_.get(), current_path_.c_str(), interface, list.data()),
        "Failed to emit a signal");
}

void ObjectFamily::emit_added() {
  check(sd_bus_emit_object_added(bus_.get(), current_path_.c_str()), "Failed to emit a signal");
}

void ObjectFamily::emit_removed() {
  check(sd_bus_emit_object_removed(bus_.get(), current_path_.c_str()), "Failed to emit a signal");
}

}  // namespace virtsession
