// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/unit_file.hpp"
#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>

namespace virtsession::window {

/// What is set for all VMs: lingering, notifications, what happens at login; and what is wrong with the configuration.
/// It lives as long as its window is open.
class Preferences {
 public:
  /// Opens it. \param closed is called when the person closes it; the object may be deleted then
  Preferences(Shell& shell, Handler closed);
  Preferences(const Preferences&) = delete;
  Preferences& operator=(const Preferences&) = delete;

  /// Takes over what virtsessiond says now.
  void update();

 private:
  GtkWidget* toggle_row(const std::string& title, const std::string& subtitle, GtkWidget** toggle, Handler changed);
  void build_session(GtkWidget* page);
  void build_configuration(GtkWidget* page);
  void set_flag(const char* key, GtkWidget* toggle);
  void refuse(const std::string& text);
  /// What to do with the answer to a call: tell why it failed, if this is still open.
  Reply refuse_failure();

  Shell& shell_;
  UnitFile unit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // calls under way outlive the window
  bool updating_ = false;
  std::string shown_;
  GtkWidget* window_ = nullptr;
  GtkWidget* at_login_ = nullptr;
  GtkWidget* at_login_row_ = nullptr;
  GtkWidget* linger_ = nullptr;
  GtkWidget* autostart_ = nullptr;
  GtkWidget* notifications_ = nullptr;
  std::unique_ptr<Rows> problems_, versions_;
};

}  // namespace virtsession::window
