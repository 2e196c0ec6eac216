// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/network_view.hpp"
#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// The ports of the host that lead into one VM: what each does, one more, one less.
class ForwardsPage {
 public:
  explicit ForwardsPage(Shell& shell);
  ForwardsPage(const ForwardsPage&) = delete;
  ForwardsPage& operator=(const ForwardsPage&) = delete;

  GtkWidget* widget() { return box_; }
  void open(const std::string& uuid);
  void update();

 private:
  void build_form(GtkWidget* column);
  GtkWidget* number_row(const std::string& title, const std::string& subtitle, double minimum, double value);
  void show(const std::vector<ForwardView>& forwards);
  void add();
  void send(const nlohmann::json& ports);
  void say(const std::string& error);

  Shell& shell_;
  std::string uuid_;
  std::vector<ForwardView> shown_;
  std::string shown_of_;

  GtkWidget* box_ = nullptr;
  GtkWidget* title_ = nullptr;
  GtkWidget* nothing_ = nullptr;
  GtkWidget* form_ = nullptr;
  GtkWidget* guest_port_ = nullptr;
  GtkWidget* host_port_ = nullptr;
  GtkWidget* protocol_ = nullptr;
  GtkWidget* for_others_ = nullptr;
  GtkWidget* error_ = nullptr;
  std::unique_ptr<Rows> rows_;
};

}  // namespace virtsession::window
