// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/sdbus_compat_object.hpp"
#include "util/unique_c_ptr.hpp"

#include <systemd/sd-bus.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// All objects of one interface below a path. For an object of its own, sdbus-c++ and sd-bus keep some 15 KiB of tables
/// when it has forty members; here one set of tables serves all. A generated adaptor is made on this as on an object:
/// its handlers, and what is announced, are about current(). Main loop's thread only; the connection outlives it.
class ObjectFamily final : public sdbus_compat::RecordingObject {
 public:
  /// What is kept of one object derives from this.
  struct Member {
    ObjectFamily& family;
  };
  /// \return the object of a path, which stays where it is while it is there; nullptr when there is none
  using Find = std::function<Member*(const char* path)>;
  /// \return the paths of all objects
  using List = std::function<std::vector<std::string>()>;

  ObjectFamily(sdbus::IConnection& connection, std::string folder)
      : RecordingObject(connection, folder), bus_(connection), folder_(std::move(folder)) {}

  /// Makes the objects reachable, after the adaptor has registered its members. Once.
  /// \throws sdbus::Error when the bus refuses
  void serve(const std::string& interface, Find find, List list);

  const Member& current() const { return *current_; }
  /// What is announced next is of this one. It is there while current() is asked for.
  void turn_to(const Member& member, std::string path) {
    current_ = &member;
    current_path_ = std::move(path);
  }

 private:
  void emit_changed(const char* interface, const std::vector<std::string>& names) override;
  void emit_added() override;
  void emit_removed() override;

  template <class Handler>
  static int handle(void* member, sd_bus_error* error, Handler&& handler) noexcept;
  static int on_find(sd_bus*, const char* path, const char*, void* self, void** found, sd_bus_error*);
  static int on_list(sd_bus*, const char*, void* self, char*** paths, sd_bus_error*);
  static int on_folder(sd_bus_message* message, void* self, sd_bus_error* error);
  static int on_call(sd_bus_message* message, void* member, sd_bus_error* error);
  static int on_get(sd_bus*, const char*, const char*, const char* name, sd_bus_message* reply, void* member,
                    sd_bus_error* error);
  static int on_set(sd_bus*, const char*, const char*, const char* name, sd_bus_message* value, void* member,
                    sd_bus_error* error);

  using Slot = UniqueCPtr<sd_bus_slot, sd_bus_slot_unref>;

  const sdbus_compat::RawBus bus_;
  const std::string folder_;
  const Member* current_ = nullptr;
  std::string current_path_;
  Find find_;
  List list_;
  std::map<std::string_view, const sdbus_compat::Method*> method_;
  std::map<std::string_view, const sdbus_compat::Property*> property_;
  std::vector<std::string> argument_names_;  // what the table points to
  std::vector<sd_bus_vtable> table_;
  Slot objects_;
  Slot paths_;
  Slot folder_itself_;
};

}  // namespace virtsession
