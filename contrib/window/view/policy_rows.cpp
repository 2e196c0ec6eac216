// SPDX-License-Identifier: LGPL-2.1-or-later
#include "texts/translate.hpp"
#include "view/policy_field.hpp"

#include <algorithm>
#include <vector>

// The kinds of rows of a policy's form.

namespace virtsession::window {
namespace {

using namespace texts;
using nlohmann::json;

GtkWidget* suffix_of(GtkWidget* row) {
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), box);
  return box;
}

class ToggleField final : public PolicyField {
 public:
  ToggleField(Shell& shell, const Field& about) : PolicyField(shell, about), toggle_(gtk_switch_new()) {
    GtkWidget* const action = action_row(about.title);
    gtk_widget_set_valign(toggle_, GTK_ALIGN_CENTER);
    adw_action_row_set_activatable_widget(ADW_ACTION_ROW(action), toggle_);
    adw_action_row_add_suffix(ADW_ACTION_ROW(action), toggle_);
    finish(action, suffix_of(action));
    connect(toggle_, "notify::active", [this] { changed(gtk_switch_get_active(GTK_SWITCH(toggle_)) != FALSE); });
  }

 private:
  void show(const json& value) override {
    gtk_switch_set_active(GTK_SWITCH(toggle_), value.is_boolean() && value.get<bool>());
  }
  GtkWidget* toggle_;
};

class ChoiceField final : public PolicyField {
 public:
  ChoiceField(Shell& shell, const Field& about) : PolicyField(shell, about), combo_(adw_combo_row_new()) {
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(combo_), about.title.c_str());
    adw_action_row_set_subtitle_lines(ADW_ACTION_ROW(combo_), 0);
    GtkStringList* const texts = gtk_string_list_new(nullptr);
    for (const auto& choice : about.choices) gtk_string_list_append(texts, choice_text(about.key, choice).c_str());
    adw_combo_row_set_model(ADW_COMBO_ROW(combo_), G_LIST_MODEL(texts));
    g_object_unref(texts);
    finish(combo_, suffix_of(combo_));
    connect(combo_, "notify::selected", [this] {
      const auto selected = adw_combo_row_get_selected(ADW_COMBO_ROW(combo_));
      if (selected < field().choices.size()) changed(field().choices[selected]);
    });
  }

 private:
  void show(const json& value) override {
    const auto found = std::ranges::find(field().choices, value_text(value));
    adw_combo_row_set_selected(ADW_COMBO_ROW(combo_), found == field().choices.end()
                                                          ? GTK_INVALID_LIST_POSITION
                                                          : static_cast<guint>(found - field().choices.begin()));
  }
  GtkWidget* combo_;
};

class NumberField final : public PolicyField {
 public:
  NumberField(Shell& shell, const Field& about)
      : PolicyField(shell, about), spin_(gtk_spin_button_new_with_range(about.minimum, about.maximum, 1)) {
    GtkWidget* const action = action_row(about.title);
    gtk_spin_button_set_digits(GTK_SPIN_BUTTON(spin_), about.kind == FieldKind::integer || about.minimum >= 0 ? 0 : 1);
    gtk_editable_set_width_chars(GTK_EDITABLE(spin_), 6);
    gtk_editable_set_max_width_chars(GTK_EDITABLE(spin_), 6);
    gtk_widget_set_valign(spin_, GTK_ALIGN_CENTER);
    set_name(spin_, about.title);
    adw_action_row_add_suffix(ADW_ACTION_ROW(action), spin_);
    finish(action, suffix_of(action));
    connect(spin_, "value-changed", [this] {
      const double value = gtk_spin_button_get_value(GTK_SPIN_BUTTON(spin_));
      changed(field().kind == FieldKind::integer ? json(static_cast<std::int64_t>(value)) : json(value));
    });
  }

 private:
  void show(const json& value) override {
    const double number = value.is_number() ? value.get<double>() : 0;
    gtk_spin_button_set_digits(GTK_SPIN_BUTTON(spin_),
                               number == static_cast<double>(static_cast<std::int64_t>(number)) ? 0 : 1);
    gtk_spin_button_set_value(GTK_SPIN_BUTTON(spin_), number);
  }
  GtkWidget* spin_;
};

/// Texts, lists, and numbers that may be left out: written, and sent with Enter or the button.
class EntryField final : public PolicyField {
 public:
  EntryField(Shell& shell, const Field& about) : PolicyField(shell, about), entry_(gtk_entry_new()) {
    GtkWidget* const action = action_row(about.title);
    gtk_widget_set_valign(entry_, GTK_ALIGN_CENTER);
    gtk_editable_set_width_chars(GTK_EDITABLE(entry_), 12);
    gtk_editable_set_max_width_chars(GTK_EDITABLE(entry_), 16);
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry_), about.may_be_unset ? _("Automatic") : _("None"));
    set_name(entry_, about.title);
    adw_action_row_add_suffix(ADW_ACTION_ROW(action), entry_);
    finish(action, suffix_of(action));
    connect(entry_, "activate", [this] { take(); });
    GtkEventController* const focus = gtk_event_controller_focus_new();
    connect(focus, "leave", [this] { take(); });
    gtk_widget_add_controller(entry_, focus);
  }

 private:
  void show(const json& value) override { gtk_editable_set_text(GTK_EDITABLE(entry_), value_text(value).c_str()); }
  void take() {
    const auto value = parse_value(field(), gtk_editable_get_text(GTK_EDITABLE(entry_)));
    // What is no number is sent as it is: virtsessiond says what is wrong with it.
    changed(value ? *value : json(gtk_editable_get_text(GTK_EDITABLE(entry_))));
  }
  GtkWidget* entry_;
};

/// Some of several things, in an order: each with a check mark and, when it is chosen, a button to come earlier.
class OrderField final : public PolicyField {
 public:
  OrderField(Shell& shell, const Field& about) : PolicyField(shell, about), expander_(adw_expander_row_new()) {
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(expander_), about.title.c_str());
    GtkWidget* const suffix = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    adw_expander_row_add_action(ADW_EXPANDER_ROW(expander_), suffix);
    finish(expander_, suffix);
  }

 private:
  void show(const json& value) override {
    chosen_.clear();
    for (const auto& entry : value)
      if (entry.is_string()) chosen_.push_back(entry.get<std::string>());
    show_rows();
  }
  void show_note(const std::string& text) override {
    std::string all;
    for (const auto& choice : chosen_) all += (all.empty() ? "" : ", ") + choice_text(field().key, choice);
    adw_expander_row_set_subtitle(ADW_EXPANDER_ROW(expander_), (all + "\n" + text).c_str());
  }
  void show_rows() {
    for (GtkWidget* const old : rows_) adw_expander_row_remove(ADW_EXPANDER_ROW(expander_), old);
    rows_.clear();
    auto all = chosen_;
    std::ranges::copy_if(field().choices, std::back_inserter(all),
                         [&](const auto& choice) { return std::ranges::find(chosen_, choice) == chosen_.end(); });
    for (const auto& choice : all) add_row(choice);
  }
  void add_row(const std::string& choice) {
    GtkWidget* const line = action_row(choice_text(field().key, choice));
    const bool is_chosen = std::ranges::find(chosen_, choice) != chosen_.end();
    GtkWidget* const check = gtk_check_button_new();
    gtk_check_button_set_active(GTK_CHECK_BUTTON(check), is_chosen);
    adw_action_row_add_prefix(ADW_ACTION_ROW(line), check);
    adw_action_row_set_activatable_widget(ADW_ACTION_ROW(line), check);
    connect(check, "toggled", [this, choice] {
      auto wanted = chosen_;
      if (std::erase(wanted, choice) == 0) wanted.push_back(choice);
      changed(wanted);
    });
    if (is_chosen && choice != chosen_.front())
      adw_action_row_add_suffix(ADW_ACTION_ROW(line), icon_button("go-up-symbolic", _("Try Earlier"), [this, choice] {
                                  auto wanted = chosen_;
                                  const auto at = std::ranges::find(wanted, choice);
                                  std::iter_swap(at, at - 1);
                                  changed(wanted);
                                }));
    adw_expander_row_add_row(ADW_EXPANDER_ROW(expander_), line);
    rows_.push_back(line);
  }

  GtkWidget* expander_;
  std::vector<std::string> chosen_;
  std::vector<GtkWidget*> rows_;
};

}  // namespace

std::unique_ptr<PolicyField> make_policy_field(Shell& shell, const Field& field) {
  switch (field.kind) {
    case FieldKind::toggle:
      return std::make_unique<ToggleField>(shell, field);
    case FieldKind::choice:
      return std::make_unique<ChoiceField>(shell, field);
    case FieldKind::order:
      return std::make_unique<OrderField>(shell, field);
    case FieldKind::integer:
    case FieldKind::number:
      if (!field.may_be_unset) return std::make_unique<NumberField>(shell, field);
      break;
    case FieldKind::text:
    case FieldKind::list:
      break;
  }
  return std::make_unique<EntryField>(shell, field);
}

}  // namespace virtsession::window
