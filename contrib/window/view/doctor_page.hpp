// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/findings_view.hpp"
#include "view/shell.hpp"

#include <string>
#include <vector>

namespace virtsession::window {

/// What is wrong around the VMs, and the command that cures it. It looks when it is first shown, and when asked.
class DoctorPage {
 public:
  explicit DoctorPage(Shell& shell);

  GtkWidget* widget() { return stack_; }
  /// Looks, unless it has or does.
  void look_once();
  void look();

 private:
  void show(const std::vector<Finding>& findings);
  GtkWidget* finding_row(const Finding& finding, const char* icon);

  Shell& shell_;
  bool looked_ = false;
  GtkWidget* stack_ = nullptr;
  GtkWidget* column_ = nullptr;
  GtkWidget* failure_ = nullptr;
  std::vector<GtkWidget*> groups_;
};

}  // namespace virtsession::window
