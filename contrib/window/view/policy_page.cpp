// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/policy_page.hpp"

#include "texts/translate.hpp"
#include "view/schema.hpp"
#include "virtsessionctl/advice.hpp"

#include <algorithm>

namespace virtsession::window {

using namespace texts;

PolicyPage::PolicyPage(Shell& shell) : shell_(shell) {
  box_ = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget* const header = adw_header_bar_new();
  title_ = adw_window_title_new(_("Policy"), "");
  adw_header_bar_set_title_widget(ADW_HEADER_BAR(header), title_);
  adw_header_bar_pack_start(ADW_HEADER_BAR(header),
                            icon_button("go-previous-symbolic", _("Back"), [this] { shell_.go_back(); }));
  gtk_box_append(GTK_BOX(box_), header);
  gtk_box_append(GTK_BOX(box_), scrolled_column(&column_));
}

/// When it is opened for the first time: it is much to be made for those who never look.
void PolicyPage::build() {
  problems_ = std::make_unique<Rows>(group(_("Mistakes")));
  gtk_box_append(GTK_BOX(column_), problems_->group());
  const auto form = policy_form(installed_schema());
  if (form.empty())
    gtk_box_append(GTK_BOX(column_), status_page("dialog-warning-symbolic", _("The Form Cannot Be Shown"),
                                                 _("virtsession’s config.schema.json was not found")));
  for (const auto& part : form) {
    GtkWidget* const box = group(part.title);
    for (const auto& field : part.fields) {
      fields_.push_back(make_policy_field(shell_, field));
      adw_preferences_group_add(ADW_PREFERENCES_GROUP(box), fields_.back()->row());
    }
    gtk_box_append(GTK_BOX(column_), box);
  }
}

void PolicyPage::open(const std::string& uuid, const std::string& key) {
  uuid_ = uuid;
  if (!problems_) build();
  for (const auto& field : fields_) field->open(uuid);
  update();
  const auto wanted = std::ranges::find_if(fields_, [&](const auto& field) { return field->field().key == key; });
  if (wanted == fields_.end()) return;
  // The focus brings it into view once it has its place.
  g_idle_add_once([](gpointer row) { gtk_widget_child_focus(GTK_WIDGET(row), GTK_DIR_TAB_FORWARD); }, (*wanted)->row());
}

void PolicyPage::update() {
  const auto* const vm = shell_.supervisor().find(uuid_);
  if (!vm || !problems_) return;
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(title_), vm->name().c_str());
  gtk_widget_set_sensitive(box_, TRUE);
  for (const auto& field : fields_) field->update(*vm);
  const auto& problems = vm->value("PolicyProblems");
  if (auto text = problems.dump(); text != shown_problems_) {
    shown_problems_ = std::move(text);
    problems_->clear();
    for (const auto& problem : problems)
      problems_->add(action_row(problem.value("pointer", std::string()), ctl::problem_text(problem)));
  }
  gtk_widget_set_visible(problems_->group(), !problems_->empty());
}

}  // namespace virtsession::window
