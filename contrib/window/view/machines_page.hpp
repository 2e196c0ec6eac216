// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/move_program.hpp"
#include "view/machine_row.hpp"

#include <gtkmm/actionbar.h>
#include <gtkmm/listview.h>
#include <gtkmm/searchbar.h>
#include <gtkmm/searchentry.h>
#include <gtkmm/stack.h>

namespace virtsession::window {

/// All VMs: what needs somebody first, then what runs, then what is off; below what a logout would do.
class MachinesPage {
 public:
  explicit MachinesPage(Shell& shell);

  GtkWidget* widget() { return GTK_WIDGET(box_.gobj()); }
  Gtk::SearchBar& search_bar() { return search_bar_; }

  /// Takes over what virtsessiond says now.
  void update();
  /// What was turned on a row and refused is turned back.
  void show_again() { lines_.show_again(); }
  void set_plan(const Plan& plan);
  void search(const std::string& text);
  void set_choosing(bool on);
  void set_sort(SortBy sort);

 private:
  void build_list();
  void build_bars();
  void look_at_system();
  void run_on_chosen(Verb verb);
  void activate(guint position);

  Shell& shell_;
  Choice choice_;
  SortBy sort_ = SortBy::name;
  Plan plan_;

  Gtk::Box box_{Gtk::Orientation::VERTICAL};
  Gtk::SearchBar search_bar_;
  Gtk::SearchEntry search_entry_;
  Gtk::Stack stack_;
  GtkWidget* empty_ = nullptr;
  GtkWidget* move_here_ = nullptr;
  MoveProgram system_;
  bool was_empty_ = false;
  Gtk::ListView list_;
  LineStore<Entry> lines_{list_};
  Gtk::ActionBar chosen_bar_;
  Gtk::Label chosen_count_;
  std::vector<Gtk::Button*> chosen_buttons_;
  Gtk::Button foot_;
  Gtk::Label foot_text_;
};

}  // namespace virtsession::window
