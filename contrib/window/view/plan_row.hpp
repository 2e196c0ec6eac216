// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/plan_list.hpp"
#include "view/line_store.hpp"
#include "view/shell.hpp"

#include <gtkmm/box.h>
#include <gtkmm/button.h>
#include <gtkmm/image.h>
#include <gtkmm/label.h>
#include <gtkmm/switch.h>

namespace virtsession::window {

using PlanItem = LineItem<PlanLine>;

/// The widget of one line of the plans. The list uses it for one line after another.
class PlanRow : public Gtk::Box {
 public:
  /// \param run is called with a heading whose button is pressed
  PlanRow(Shell& shell, std::function<void(const PlanLine& heading)> run);

  void show(const Glib::RefPtr<PlanItem>& item);
  void forget();

 private:
  void build_heading();
  void build_line();
  void update();

  Shell& shell_;
  std::function<void(const PlanLine&)> run_;
  Glib::RefPtr<PlanItem> item_;
  sigc::connection changed_;
  bool updating_ = false;

  Gtk::Box heading_{Gtk::Orientation::HORIZONTAL, 12};
  Gtk::Box line_{Gtk::Orientation::HORIZONTAL, 12};
  Gtk::Label heading_title_, heading_text_, wave_, title_, text_;
  Gtk::Button button_;
  Gtk::Switch mark_;
  Gtk::Image arrow_;
};

}  // namespace virtsession::window
