// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/supervisor.hpp"

#include <adwaita.h>

#include <functional>
#include <string>

namespace virtsession::window {

/// What the pages ask of the window that they are in.
class Shell {
 public:
  virtual Supervisor& supervisor() = 0;
  virtual GtkWindow* window() = 0;

  /// Says something in passing.
  virtual void tell(const std::string& text) = 0;
  /// The same with a button.
  virtual void tell(const std::string& text, const std::string& button, std::function<void()> pressed) = 0;

  virtual void show_machine(const std::string& uuid) = 0;
  /// \param key of the policy, which is brought into view; may be empty
  virtual void show_policy(const std::string& uuid, const std::string& key) = 0;
  virtual void show_forwards(const std::string& uuid) = 0;
  virtual void show_plan() = 0;
  virtual void go_back() = 0;
  /// A move has come to an end, or was cut off.
  virtual void move_ended() = 0;

  /// Asks first when the guest may lose work; tells a failure.
  virtual void run(Verb verb, const std::string& uuid) = 0;
  virtual void set_mark(const std::string& uuid, bool marked) = 0;

 protected:
  ~Shell() = default;
};

}  // namespace virtsession::window
