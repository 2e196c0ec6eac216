// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/plan_page.hpp"

#include "model/time_text.hpp"
#include "texts/translate.hpp"

#include <algorithm>

namespace virtsession::window {

using namespace texts;

PlanPage::PlanPage(Shell& shell) : shell_(shell) {
  GtkWidget* column = nullptr;
  widget_ = scrolled_column(&column);
  start_rows_ = std::make_unique<Rows>(group(_("At the Next Login")));
  stop_rows_ = std::make_unique<Rows>(group(_("At the Next Logout")));
  const auto failed = [this](GVariant*, const CallError& error) {
    if (error) shell_.tell(error.text);
  };
  start_button_ =
      text_button(_("Start Now"), [this, failed] { shell_.supervisor().call_manager("Autostart", nullptr, failed); });
  stop_button_ =
      text_button(_("Stop All Now…"), [this] { gtk_widget_activate_action(widget_, "win.stop-all", nullptr); });
  for (GtkWidget* const button : {start_button_, stop_button_}) gtk_widget_add_css_class(button, "flat");
  adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(start_rows_->group()), start_button_);
  adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(stop_rows_->group()), stop_button_);
  gtk_box_append(GTK_BOX(column), start_rows_->group());
  gtk_box_append(GTK_BOX(column), stop_rows_->group());
}

void PlanPage::set_start(const Plan& plan) {
  const bool nothing_starts = std::ranges::all_of(plan, [](const auto& step) { return step.decision == "skip"; });
  const bool nothing_marked = std::ranges::none_of(shell_.supervisor().vms(), [](const VmInfo& vm) {
    return vm.flag("Autostart") || vm.flag("AutostartOnce") || vm.is_active();
  });
  const bool shows_marks = nothing_starts && nothing_marked;
  if (plan == start_ && shows_marks == shows_marks_) return;
  start_ = plan;
  shows_marks_ = shows_marks;
  const bool something_to_start =
      std::ranges::any_of(plan, [](const auto& step) { return step.decision == "start" || step.decision == "wait"; });
  gtk_widget_set_sensitive(start_button_, something_to_start);
  if (shows_marks_)
    show_marks();
  else
    show(*start_rows_, start_, true);
}

void PlanPage::set_stop(const Plan& plan) {
  update();
  if (plan == stop_) return;
  stop_ = plan;
  update();
  gtk_widget_set_sensitive(stop_button_, std::ranges::any_of(plan, [](const auto& step) { return step.wave > 0; }));
  show(*stop_rows_, stop_, false);
}

void PlanPage::update() {
  const std::chrono::microseconds budget(shell_.supervisor().manager().number("StopBudgetUSec"));
  const auto bound = stop_bound(stop_, shell_.supervisor().vms(), budget);
  const auto given = std::chrono::duration_cast<std::chrono::seconds>(budget);
  adw_preferences_group_set_description(
      ADW_PREFERENCES_GROUP(stop_rows_->group()),
      filled(_("Takes at most {} of the {} that the system gives"), duration_text(bound), duration_text(given))
          .c_str());
}

void PlanPage::show(Rows& rows, const Plan& plan, bool is_start) {
  rows.clear();
  adw_preferences_group_set_description(ADW_PREFERENCES_GROUP(start_rows_->group()), "");
  for (const auto& wave : waves_of(plan)) {
    bool first = true;
    for (const auto& step : wave.steps) {
      GtkWidget* const row = step_row(step, is_start);
      GtkWidget* const label = gtk_label_new(first ? wave.title.c_str() : "");
      gtk_widget_add_css_class(label, "dim-label");
      gtk_widget_add_css_class(label, "caption");
      gtk_label_set_xalign(GTK_LABEL(label), 0);
      gtk_label_set_width_chars(GTK_LABEL(label), 9);
      gtk_label_set_max_width_chars(GTK_LABEL(label), 9);
      gtk_label_set_wrap(GTK_LABEL(label), TRUE);
      adw_action_row_add_prefix(ADW_ACTION_ROW(row), label);
      rows.add(row);
      first = false;
    }
  }
  if (plan.empty()) rows.add(action_row(_("There are no machines")));
}

GtkWidget* PlanPage::step_row(const PlanStep& step, bool is_start) {
  const auto decision = is_start ? start_decision_text(step.decision) : stop_decision_text(step.decision);
  return link_row(step.name, step.reason.empty() ? decision : decision + ": " + step.reason, [this, step, is_start] {
    const auto* const vm = shell_.supervisor().find_path(step.path);
    if (vm) shell_.show_policy(vm->uuid(), is_start ? deciding_start_key(step, *vm) : deciding_stop_key());
  });
}

/// Nothing would start, because nobody has said what should: that can be said here.
void PlanPage::show_marks() {
  start_rows_->clear();
  adw_preferences_group_set_description(ADW_PREFERENCES_GROUP(start_rows_->group()),
                                        _("No machine is marked to start. Which of them should?"));
  for (const auto& vm : shell_.supervisor().vms()) {
    if (!vm.flag("Persistent")) continue;
    GtkWidget* const row = action_row(vm.name(), vm.text("Title"));
    GtkWidget* const toggle = gtk_switch_new();
    gtk_widget_set_valign(toggle, GTK_ALIGN_CENTER);
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), toggle);
    adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), toggle);
    connect(toggle, "notify::active", [this, toggle, uuid = vm.uuid()] {
      shell_.set_mark(uuid, gtk_switch_get_active(GTK_SWITCH(toggle)) != FALSE);
    });
    start_rows_->add(row);
  }
}

}  // namespace virtsession::window
