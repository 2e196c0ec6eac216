// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/move_page.hpp"

#include "texts/translate.hpp"
#include "virtsessionctl/cut_off_moves.hpp"

namespace virtsession::window {

using namespace texts;

namespace {

constexpr const char* kList = "list";
constexpr const char* kPlan = "plan";
constexpr const char* kRun = "run";
constexpr const char* kEnd = "end";
constexpr const char* kBusy = "busy";
constexpr const char* kFailure = "failure";

void clear(GtkWidget* box) {
  while (GtkWidget* const child = gtk_widget_get_first_child(box)) gtk_box_remove(GTK_BOX(box), child);
}

}  // namespace

MovePage::MovePage(Shell& shell) : shell_(shell) {
  box_ = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget* const header = adw_header_bar_new();
  title_ = adw_window_title_new("", "");
  adw_header_bar_set_title_widget(ADW_HEADER_BAR(header), title_);
  adw_header_bar_pack_start(ADW_HEADER_BAR(header),
                            icon_button("go-previous-symbolic", _("Back"), [this] { shell_.go_back(); }));
  gtk_box_append(GTK_BOX(box_), header);
  stack_ = gtk_stack_new();
  gtk_box_append(GTK_BOX(box_), stack_);
  GtkWidget* const spinner = gtk_spinner_new();
  gtk_spinner_start(GTK_SPINNER(spinner));
  gtk_widget_set_size_request(spinner, 32, 32);
  gtk_widget_set_halign(spinner, GTK_ALIGN_CENTER);
  busy_ = status_page(nullptr, "", _("You may be asked for a password"), spinner);
  gtk_stack_add_named(GTK_STACK(stack_), busy_, kBusy);
  failure_ = status_page("dialog-warning-symbolic", "", "", pill(_("Try Again"), [this] {
                           const auto again = again_;
                           again();
                         }));
  gtk_stack_add_named(GTK_STACK(stack_), failure_, kFailure);
  build_list();
  build_plan();
  build_run();
  build_end();
  hide_unshown_pages(stack_);
}

GtkWidget* MovePage::add_page(const char* name) {
  GtkWidget* column = nullptr;
  gtk_stack_add_named(GTK_STACK(stack_), scrolled_column(&column), name);
  return column;
}

void MovePage::build_list() {
  GtkWidget* const column = add_page(kList);
  cut_off_ = std::make_unique<Rows>(group(_("Cut Off")));
  system_ = std::make_unique<Rows>(
      group(_("Machines of the System"), _("Choose one that is off. Nothing is changed until you have seen what would "
                                           "move, and what would change for the guest.")));
  for (auto* const rows : {cut_off_.get(), system_.get()}) gtk_box_append(GTK_BOX(column), rows->group());
}

void MovePage::build_plan() {
  plan_column_ = add_page(kPlan);
  GtkWidget* const head = gtk_box_new(GTK_ORIENTATION_VERTICAL, 18);
  summary_ = gtk_label_new("");
  gtk_widget_add_css_class(summary_, "title-4");
  gtk_label_set_wrap(GTK_LABEL(summary_), TRUE);
  gtk_label_set_wrap_mode(GTK_LABEL(summary_), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_justify(GTK_LABEL(summary_), GTK_JUSTIFY_CENTER);
  move_button_ = pill("", [this] { move(move_words(vm_, to_session_, copy_)); });
  for (GtkWidget* const child : {summary_, move_button_}) gtk_box_append(GTK_BOX(head), child);
  gtk_box_append(GTK_BOX(plan_column_), head);
  GtkWidget* const options = group("");
  GtkWidget* const row = action_row(_("Make a Copy"), _("A machine of its own; this one stays where it is"));
  copy_switch_ = gtk_switch_new();
  gtk_widget_set_valign(copy_switch_, GTK_ALIGN_CENTER);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), copy_switch_);
  adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), copy_switch_);
  connect(copy_switch_, "notify::active", [this] {
    if (updating_) return;
    copy_ = gtk_switch_get_active(GTK_SWITCH(copy_switch_)) != FALSE;
    look(vm_, to_session_);
  });
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(options), row);
  gtk_box_append(GTK_BOX(plan_column_), options);
}

void MovePage::build_run() {
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 18);
  bar_ = gtk_progress_bar_new();
  set_name(bar_, _("Progress"));
  gtk_box_append(GTK_BOX(box), bar_);
  gtk_box_append(GTK_BOX(box), pill(_("Interrupt"), [this] { interrupt(); }));
  GtkWidget* const clamp = adw_clamp_new();
  adw_clamp_set_maximum_size(ADW_CLAMP(clamp), 420);
  adw_clamp_set_child(ADW_CLAMP(clamp), box);
  step_ = status_page("drive-harddisk-symbolic", "", "", clamp);
  gtk_stack_add_named(GTK_STACK(stack_), step_, kRun);
}

void MovePage::build_end() {
  GtkWidget* const column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 18);
  end_buttons_ = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);  // three beside each other need more than a phone has
  gtk_widget_set_halign(end_buttons_, GTK_ALIGN_CENTER);
  end_rows_ = std::make_unique<Rows>(group(""));
  for (GtkWidget* const child : {end_buttons_, end_rows_->group()}) gtk_box_append(GTK_BOX(column), child);
  GtkWidget* const clamp = adw_clamp_new();
  adw_clamp_set_child(ADW_CLAMP(clamp), column);
  end_ = status_page("object-select-symbolic", "", "", clamp);
  gtk_stack_add_named(GTK_STACK(stack_), end_, kEnd);
}

void MovePage::show_page(const char* name) { gtk_stack_set_visible_child_name(GTK_STACK(stack_), name); }

void MovePage::show_busy(const std::string& title) {
  adw_status_page_set_title(ADW_STATUS_PAGE(busy_), title.c_str());
  show_page(kBusy);
}

void MovePage::show_failure(const std::string& errors, Handler again) {
  const auto failure = move_failure_of(errors);
  again_ = std::move(again);
  set_status(failure_, _("It Could Not Be Read"),
             failure.hint.empty() ? failure.text : failure.text + "\n\n" + failure.hint);
  show_page(kFailure);
}

void MovePage::open() {
  if (moving_) return;
  program_.forget();
  adw_window_title_set_title(ADW_WINDOW_TITLE(title_), _("Move Here"));
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(title_), "");
  show_busy(_("Looking for Machines"));
  program_.run(list_words(), {}, [this](const MoveProgram::End& end) {
    const auto vms = end.succeeded ? system_vms_of(end.output) : std::nullopt;
    show_cut_off();
    if (vms && (!vms->empty() || !cut_off_->empty())) return show_list(*vms);
    if (!vms) return show_failure(end.errors, [this] { open(); });
    set_status(failure_, _("No Machines in the System"), "qemu:///system");
    again_ = [this] { open(); };
    show_page(kFailure);
  });
}

void MovePage::show_cut_off() {
  cut_off_->clear();
  for (const auto& move : ctl::cut_off_moves()) {
    GtkWidget* const row = action_row(move.name, move.to_session ? _("It was on its way here when it was cut off")
                                                                 : _("It was on its way to the system when it was cut "
                                                                     "off"));
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), text_button(_("Take Back"), [this, move] {
                                vm_ = move.name;
                                this->move(undo_words(move.name));
                              }));
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), text_button(_("Continue"), [this, move] {
                                vm_ = move.name;
                                this->move(resume_words(move.name));
                              }));
    cut_off_->add(row);
  }
  gtk_widget_set_visible(cut_off_->group(), !cut_off_->empty());
}

void MovePage::show_list(const std::vector<SystemVm>& vms) {
  system_->clear();
  for (const auto& vm : vms) {
    GtkWidget* const row = link_row(vm.name, vm.line, [this, name = vm.name] {
      copy_ = false;
      look(name, true);
    });
    gtk_widget_set_sensitive(row, vm.is_off);
    system_->add(row);
  }
  gtk_widget_set_visible(system_->group(), !system_->empty());
  show_page(kList);
}

void MovePage::open_plan(const std::string& vm) {
  if (moving_) return;
  copy_ = false;
  look(vm, false);
}

void MovePage::look(const std::string& vm, bool to_session) {
  program_.forget();
  vm_ = vm;
  to_session_ = to_session;
  adw_window_title_set_title(ADW_WINDOW_TITLE(title_), to_session ? _("Move Here") : _("Move to the System"));
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(title_), vm.c_str());
  show_busy(filled(_("Looking at “{}”"), vm));
  program_.run(plan_words(vm, to_session, copy_), {}, [this](const MoveProgram::End& end) {
    // With obstacles it ends with a code of its own.
    if (const auto plan = move_plan_of(end.output)) return show_plan(*plan);
    show_failure(end.errors, [this] { look(vm_, to_session_); });
  });
}

void MovePage::show_plan(const MovePlan& plan) {
  for (GtkWidget* const old : plan_groups_) gtk_box_remove(GTK_BOX(plan_column_), old);
  plan_groups_.clear();
  updating_ = true;
  gtk_switch_set_active(GTK_SWITCH(copy_switch_), copy_);
  updating_ = false;
  gtk_label_set_text(GTK_LABEL(summary_), move_summary(plan).c_str());
  gtk_button_set_label(GTK_BUTTON(move_button_), copy_ ? _("Copy") : _("Move"));
  gtk_widget_set_sensitive(move_button_, plan.can_be_done());
  gtk_widget_add_css_class(move_button_, "suggested-action");
  add_items(_("In the Way"), plan.obstacles);
  if (!plan.can_be_done()) {
    GtkWidget* const again = text_button(_("Check Again"), [this] { look(vm_, to_session_); });
    gtk_widget_add_css_class(again, "flat");
    adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(plan_groups_.back()), again);
  }
  add_items(_("Lost, or Changed for the Guest"), plan.losses);
  add_items(_("Kept in Another Form"), plan.kept);
  std::vector<MoveItem> files;
  for (const auto& file : plan.files) files.push_back({file.title, file.from + "\n→ " + file.to, {}});
  add_items(_("Files"), files);
  show_page(kPlan);
}

void MovePage::add_items(const std::string& title, const std::vector<MoveItem>& items) {
  if (items.empty()) return;
  GtkWidget* const rows = group(title);
  for (const auto& item : items) {
    adw_preferences_group_add(ADW_PREFERENCES_GROUP(rows), action_row(item.what, item.text));
    if (!item.command.empty())
      adw_preferences_group_add(ADW_PREFERENCES_GROUP(rows),
                                command_row(item.command, [this](const std::string& text) { shell_.tell(text); }));
  }
  gtk_box_append(GTK_BOX(plan_column_), rows);
  plan_groups_.push_back(rows);
}

void MovePage::move(const std::vector<std::string>& words) {
  moving_ = true;
  progress_ = {};
  show_progress();
  show_page(kRun);
  program_.run(
      words,
      [this](const std::string& line) {
        progress_.take(line);
        show_progress();
      },
      [this](const MoveProgram::End& end) {
        moving_ = false;
        show_end(end);
      });
}

void MovePage::show_progress() {
  set_status(step_, filled(_("“{}” Is on Its Way"), vm_), progress_.step() + "\n" + progress_.amount());
  if (progress_.amount().empty())
    gtk_progress_bar_pulse(GTK_PROGRESS_BAR(bar_));
  else
    gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(bar_), progress_.fraction());
}

void MovePage::show_end(const MoveProgram::End& end) {
  clear(end_buttons_);
  end_rows_->clear();
  adw_status_page_set_icon_name(ADW_STATUS_PAGE(end_),
                                end.succeeded ? "object-select-symbolic" : "dialog-warning-symbolic");
  end.succeeded ? show_success() : show_end_of_failure(end);
  gtk_box_append(GTK_BOX(end_buttons_), pill(_("Done"), [this] { shell_.go_back(); }));
  for (GtkWidget* one = gtk_widget_get_first_child(end_buttons_); one; one = gtk_widget_get_next_sibling(one))
    gtk_widget_set_halign(one, GTK_ALIGN_FILL);
  gtk_widget_set_visible(end_rows_->group(), !end_rows_->empty());
  show_page(kEnd);
  shell_.move_ended();
}

void MovePage::show_success() {
  const bool here = progress_.arrived_in() == "qemu:///session";
  set_status(end_, here ? filled(_("“{}” Is Here"), vm_) : filled(_("“{}” Is in the System"), vm_),
             progress_.is_undone() ? _("Everything is as it was before") : "");
  if (here && !progress_.is_undone()) {
    GtkWidget* const show = pill(_("Show It"), [this] { show_machine(); });
    gtk_widget_add_css_class(show, "suggested-action");
    gtk_box_append(GTK_BOX(end_buttons_), show);
  }
  if (!progress_.kept().empty())
    end_rows_->add(action_row(_("State of an earlier stay was replaced; it is kept"), progress_.kept()));
  if (progress_.delete_command().empty()) return;
  end_rows_->add(action_row(_("Its files are still where they were"),
                            _("When all is well, this command deletes them. That cannot be taken back.")));
  end_rows_->add(command_row(progress_.delete_command(), [this](const std::string& text) { shell_.tell(text); }));
}

void MovePage::show_end_of_failure(const MoveProgram::End& end) {
  const auto failure = move_failure_of(end.errors);
  for (const auto& move : ctl::cut_off_moves()) {
    if (move.name != vm_) continue;
    set_status(end_, filled(_("The Move of “{}” Was Cut Off"), vm_),
               end.interrupted ? _("Continue it, or take it back") : failure.text);
    GtkWidget* const resume = pill(_("Continue"), [this] { this->move(resume_words(vm_)); });
    gtk_widget_add_css_class(resume, "suggested-action");
    gtk_box_append(GTK_BOX(end_buttons_), resume);
    gtk_box_append(GTK_BOX(end_buttons_), pill(_("Take Back"), [this] { this->move(undo_words(vm_)); }));
    return;
  }
  set_status(end_, filled(_("“{}” Did Not Move"), vm_), end.interrupted ? _("Nothing was changed") : failure.text);
  if (!failure.hint.empty()) end_rows_->add(action_row(failure.hint));
}

void MovePage::show_machine() {
  for (const auto& vm : shell_.supervisor().vms())
    if (vm.name() == vm_) return shell_.show_machine(vm.uuid());
}

}  // namespace virtsession::window
