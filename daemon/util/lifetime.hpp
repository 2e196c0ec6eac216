// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <utility>

namespace virtsession {

/// What callbacks that an object leaves behind are bound to: they do nothing once it is gone or has been renewed. A
/// member of the object; neither copied nor moved. All on one thread, but weak() may be handed to others, for
/// EventLoop::post().
class Lifetime {
 public:
  Lifetime() = default;
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  std::weak_ptr<const void> weak() const { return alive_; }
  /// What was bound before does nothing from now on.
  void renew() { alive_ = std::make_shared<const char>('\0'); }

  /// `callback`, which returns nothing, for as long as this lasts.
  template <class Callback>
  auto bind(Callback callback) const {
    return [alive = weak(), callback = std::move(callback)]<class... Arguments>(Arguments&&... arguments) {
      if (!alive.expired()) callback(std::forward<Arguments>(arguments)...);
    };
  }

 private:
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace virtsession
