// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/policy_form.hpp"
#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>

namespace virtsession::window {

/// The row of one key of the policy. A change is sent at once, and can be undone; what is refused is said in the row.
class PolicyField {
 public:
  PolicyField(Shell& shell, Field field);
  virtual ~PolicyField() = default;
  PolicyField(const PolicyField&) = delete;
  PolicyField& operator=(const PolicyField&) = delete;

  GtkWidget* row() { return row_; }
  const Field& field() const { return field_; }
  void open(const std::string& uuid);
  void update(const VmInfo& vm);

 protected:
  /// Called by kinds of rows once they have made theirs: adds what all rows have.
  void finish(GtkWidget* row, GtkWidget* suffix_box);
  /// Shows a value; changed() is not called for it.
  virtual void show(const nlohmann::json& value) = 0;
  /// Shows where the value comes from, or what was refused.
  virtual void show_note(const std::string& text);
  /// The person has chosen another value.
  void changed(const nlohmann::json& value);

 private:
  void send(const nlohmann::json& value, bool can_be_undone);
  void reset();
  void accept();
  void refused(const std::string& text);

  Shell& shell_;
  Field field_;
  std::string uuid_;
  GtkWidget* row_ = nullptr;
  GtkWidget* reset_ = nullptr;
  FieldState state_;
  bool showing_ = false;
};

std::unique_ptr<PolicyField> make_policy_field(Shell& shell, const Field& field);

}  // namespace virtsession::window
