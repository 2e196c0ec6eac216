// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "systemd/unit_reader.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

/// The units that somebody watches, and what they were told last. Main loop's thread only; a part of UserManager.
class UnitWatches {
 public:
  using Changed = std::function<void(const UnitStatus&)>;
  using Post = std::function<void(EventLoop::Handler)>;

  /// \param post runs a handler on the loop, later, unless the UserManager is gone by then
  UnitWatches(UnitReader& reader, Post post) : reader_(reader), post_(std::move(post)) {}

  void add(const std::string& unit, Changed changed);
  void remove(const std::string& unit);
  /// Reads the status from systemd; without a name, of all.
  void refresh(const std::string& unit);
  void refresh();

 private:
  struct Watch {
    std::uint64_t serial = 0;
    Changed changed;
    std::string path;
    std::unique_ptr<sdbus::IProxy> proxy;
    std::optional<UnitStatus> status;
  };

  /// \return nothing when that watch was removed or replaced meanwhile
  Watch* find(const std::string& unit, std::uint64_t serial);
  void found(const std::string& unit, Watch& watch, const sdbus::ObjectPath& path);
  void properties_changed(const std::string& unit, std::uint64_t serial, const VariantMap& properties);
  void update(const std::string& unit, Watch& watch, const UnitStatus& status);
  void failed(const std::string& unit, Watch& watch, const sdbus::Error& error);

  UnitReader& reader_;
  Post post_;
  std::uint64_t next_serial_ = 1;
  std::map<std::string, Watch> watches_;
};

}  // namespace virtsession
