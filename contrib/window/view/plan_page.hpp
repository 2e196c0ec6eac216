// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "view/plan_row.hpp"

#include <gtkmm/listview.h>

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
  /// What was turned on a row and refused is turned back.
  void show_again() { lines_.show_again(); }

 private:
  void run(const PlanLine& heading);

  Shell& shell_;
  Plan start_, stop_;
  Gtk::ListView list_;
  LineStore<PlanLine> lines_{list_};
  GtkWidget* widget_ = nullptr;
};

}  // namespace virtsession::window
