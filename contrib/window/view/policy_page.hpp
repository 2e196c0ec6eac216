// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "view/policy_field.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// A VM's policy as a form of the installed schema: a row for each key, with where its value comes from.
class PolicyPage {
 public:
  explicit PolicyPage(Shell& shell);

  GtkWidget* widget() { return box_; }
  const std::string& uuid() const { return uuid_; }
  /// \param key is brought into view and has the focus; may be empty
  void open(const std::string& uuid, const std::string& key);
  void update();

 private:
  void build();

  Shell& shell_;
  std::string uuid_;
  GtkWidget* column_ = nullptr;
  GtkWidget* box_ = nullptr;
  GtkWidget* title_ = nullptr;
  std::unique_ptr<Rows> problems_;
  std::string shown_problems_;
  std::vector<std::unique_ptr<PolicyField>> fields_;
};

}  // namespace virtsession::window
