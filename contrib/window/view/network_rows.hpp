// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>

namespace virtsession::window {

/// A VM's page says here how it is reached: forwards, addresses, the line for a shell, and its NICs.
class NetworkRows {
 public:
  explicit NetworkRows(Shell& shell);
  NetworkRows(const NetworkRows&) = delete;
  NetworkRows& operator=(const NetworkRows&) = delete;

  GtkWidget* group() { return rows_->group(); }
  void update(const VmInfo& vm);
  /// Asks for addresses anew: those of a guest may change without a word.
  void ask(const VmInfo& vm);

 private:
  Shell& shell_;
  std::unique_ptr<Rows> rows_;
};

}  // namespace virtsession::window
