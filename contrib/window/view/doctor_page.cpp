// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/doctor_page.hpp"

#include "texts/translate.hpp"
#include "view/widgets.hpp"

#include <algorithm>

namespace virtsession::window {

using namespace texts;

namespace {

std::vector<Finding> findings_of(GVariant* reply) {
  std::vector<Finding> findings;
  GVariant* const rows = g_variant_get_child_value(reply, 0);
  GVariantIter iterator;
  g_variant_iter_init(&iterator, rows);
  const char *id = nullptr, *severity = nullptr, *subject = nullptr, *text = nullptr, *fix = nullptr;
  while (g_variant_iter_next(&iterator, "(&s&s&s&s&s)", &id, &severity, &subject, &text, &fix))
    findings.push_back({id, severity, subject, text, fix});
  g_variant_unref(rows);
  return findings;
}

const char* tone_of(const std::string& severity) {
  if (severity == "problem") return "error";
  if (severity == "warning") return "warning";
  return severity == "ok" ? "success" : "dim-label";
}

}  // namespace

DoctorPage::DoctorPage(Shell& shell) : shell_(shell) {
  stack_ = gtk_stack_new();
  GtkWidget* const spinner = gtk_spinner_new();
  gtk_spinner_start(GTK_SPINNER(spinner));
  gtk_widget_set_size_request(spinner, 32, 32);
  gtk_widget_set_halign(spinner, GTK_ALIGN_CENTER);
  GtkWidget* const busy =
      status_page(nullptr, _("Looking"), _("Units, libvirt, KVM, the network, limits, disks and policies"), spinner);
  gtk_stack_add_named(GTK_STACK(stack_), busy, "busy");
  gtk_stack_add_named(GTK_STACK(stack_), scrolled_column(&column_), "findings");
  GtkWidget* const again = pill(_("Check Again"), [this] { look(); });
  failure_ = status_page("dialog-warning-symbolic", _("It Could Not Be Checked"), "", again);
  gtk_stack_add_named(GTK_STACK(stack_), failure_, "failure");
  hide_unshown_pages(stack_);
}

void DoctorPage::look_once() {
  if (!looked_) look();
}

void DoctorPage::look() {
  looked_ = true;
  gtk_stack_set_visible_child_name(GTK_STACK(stack_), "busy");
  shell_.supervisor().call_manager("Diagnose", nullptr, [this](GVariant* reply, const CallError& error) {
    if (!error) return show(findings_of(reply));
    looked_ = false;
    set_status(failure_, _("It Could Not Be Checked"), error.text);
    gtk_stack_set_visible_child_name(GTK_STACK(stack_), "failure");
  });
}

void DoctorPage::show(const std::vector<Finding>& findings) {
  for (GtkWidget* const old : groups_) gtk_box_remove(GTK_BOX(column_), old);
  groups_.clear();
  const bool all_well = is_all_well(findings);
  auto parts = groups_of(findings);
  if (all_well) std::ranges::reverse(parts);  // then that comes first
  for (const auto& part : parts) {
    const bool is_well = part.severity == "ok";
    GtkWidget* const box = group(!is_well ? part.title : all_well ? _("All Is Well") : "");
    if (groups_.empty()) {
      GtkWidget* const again = text_button(_("Check Again"), [this] { look(); });
      gtk_widget_add_css_class(again, "flat");
      adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(box), again);
    }
    GtkWidget* into = nullptr;
    if (is_well) {  // there are many, and nobody has to read them
      into = adw_expander_row_new();
      adw_preferences_row_set_title(ADW_PREFERENCES_ROW(into), part.title.c_str());
      adw_preferences_group_add(ADW_PREFERENCES_GROUP(box), into);
    }
    for (const auto& finding : part.findings) {
      const auto put = [&](GtkWidget* row) {
        if (into)
          adw_expander_row_add_row(ADW_EXPANDER_ROW(into), row);
        else
          adw_preferences_group_add(ADW_PREFERENCES_GROUP(box), row);
      };
      put(finding_row(finding, part.icon.c_str()));
      if (!finding.fix.empty()) put(command_row(finding.fix, [this](const std::string& text) { shell_.tell(text); }));
    }
    gtk_box_append(GTK_BOX(column_), box);
    groups_.push_back(box);
  }
  gtk_stack_set_visible_child_name(GTK_STACK(stack_), "findings");
}

GtkWidget* DoctorPage::finding_row(const Finding& finding, const char* icon) {
  GtkWidget* const row = finding.subject.empty() ? action_row(finding.text) : action_row(finding.subject, finding.text);
  GtkWidget* const image = gtk_image_new_from_icon_name(icon);
  gtk_widget_add_css_class(image, tone_of(finding.severity));
  adw_action_row_add_prefix(ADW_ACTION_ROW(row), image);
  return row;
}

}  // namespace virtsession::window
