// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/move_program.hpp"
#include "model/move_view.hpp"
#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// A VM moves between the system and the session: which one; what that would do, and what stands in the way; how far it
/// is; how it ended, and what can be done when it was cut off.
class MovePage {
 public:
  explicit MovePage(Shell& shell);
  MovePage(const MovePage&) = delete;
  MovePage& operator=(const MovePage&) = delete;

  GtkWidget* widget() { return box_; }
  /// The VMs of the system, and moves that were cut off. What runs stays on the page.
  void open();
  /// What a move of a VM of the session to the system would do.
  void open_plan(const std::string& vm);
  /// \return whether files are on their way: a word is due before the window is closed
  bool is_moving() const { return moving_; }
  /// As Ctrl-C does it: it can be continued, or taken back.
  void interrupt() { program_.interrupt(); }

 private:
  void build_list();
  void build_plan();
  void build_run();
  void build_end();
  GtkWidget* add_page(const char* name);
  void show_page(const char* name);
  void show_busy(const std::string& title);
  void show_failure(const std::string& errors, Handler again);
  void show_list(const std::vector<SystemVm>& vms);
  void show_cut_off();
  void look(const std::string& vm, bool to_session);
  void show_plan(const MovePlan& plan);
  void add_items(const std::string& title, const std::vector<MoveItem>& items);
  void move(const std::vector<std::string>& words);
  void show_progress();
  void show_end(const MoveProgram::End& end);
  void show_success();
  void show_end_of_failure(const MoveProgram::End& end);
  void show_machine();

  Shell& shell_;
  MoveProgram program_;
  std::string vm_;  // of the plan and the move
  bool to_session_ = true;
  bool copy_ = false;
  bool moving_ = false;
  bool updating_ = false;
  MoveProgress progress_;

  GtkWidget* box_ = nullptr;
  GtkWidget* title_ = nullptr;
  GtkWidget* stack_ = nullptr;
  GtkWidget* busy_ = nullptr;
  GtkWidget* failure_ = nullptr;
  Handler again_;
  std::unique_ptr<Rows> cut_off_, system_;
  GtkWidget* plan_column_ = nullptr;
  GtkWidget* summary_ = nullptr;
  GtkWidget* copy_switch_ = nullptr;
  GtkWidget* move_button_ = nullptr;
  std::vector<GtkWidget*> plan_groups_;
  GtkWidget* step_ = nullptr;
  GtkWidget* bar_ = nullptr;
  GtkWidget* end_ = nullptr;
  std::unique_ptr<Rows> end_rows_;
  GtkWidget* end_buttons_ = nullptr;
};

}  // namespace virtsession::window
