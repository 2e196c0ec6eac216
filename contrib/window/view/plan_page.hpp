// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <vector>

namespace virtsession::window {

/// What the next login and the next logout will do, in order, and why.
class PlanPage {
 public:
  explicit PlanPage(Shell& shell);

  GtkWidget* widget() { return widget_; }
  void set_start(const Plan& plan);
  void set_stop(const Plan& plan);
  /// Takes over what the VMs and the time for them are now.
  void update();

 private:
  void show(Rows& rows, const Plan& plan, bool is_start);
  void show_marks();
  GtkWidget* step_row(const PlanStep& step, bool is_start);

  Shell& shell_;
  Plan start_, stop_;
  bool shows_marks_ = false;
  GtkWidget* widget_ = nullptr;
  GtkWidget* start_button_ = nullptr;
  GtkWidget* stop_button_ = nullptr;
  std::unique_ptr<Rows> start_rows_, stop_rows_;
};

}  // namespace virtsession::window
