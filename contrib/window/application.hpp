// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "view/main_window.hpp"

#include <gtkmm/application.h>

#include <memory>
#include <optional>
#include <string>

namespace virtsession::window {

/// The one instance of a session, activated over the bus: its window, its actions, and the word at the end of the
/// session.
class Application final : public Gtk::Application {
 public:
  Application();
  ~Application() override;

 private:
  void on_startup() override;
  void on_activate() override;

  MainWindow& window();
  void add_actions();
  void add_text_action(const std::string& name, std::function<void(const std::string&)> action);
  /// Asks the session to say at its end what would be lost, while something would.
  void set_warning(const std::optional<std::string>& warning);

  std::unique_ptr<MainWindow> window_;
  std::unique_ptr<MainWindow> gone_;  // whose window was just closed
  std::optional<std::string> warning_;
  guint inhibited_ = 0;
};

}  // namespace virtsession::window
