// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/main_window.hpp"

#include "texts/translate.hpp"
#include "view/widgets.hpp"
#include "virtsessionctl/cut_off_moves.hpp"

#include <gtkmm/application.h>

namespace virtsession::window {

using namespace texts;

namespace {

constexpr guint kPlanDelayMs = 300;  // after a change, to take several together

}  // namespace

MainWindow::MainWindow(Gtk::Application& application, std::unique_ptr<Supervisor> supervisor,
                       std::function<void(const Plan&)> plan_changed)
    : supervisor_(std::move(supervisor)), plan_changed_(std::move(plan_changed)) {
  GtkWidget* const window = adw_application_window_new(application.gobj());
  window_.reset(Glib::wrap(GTK_APPLICATION_WINDOW(window)));
  gtk_window_set_title(GTK_WINDOW(window), _("Virtual Machines"));
  gtk_window_set_default_size(GTK_WINDOW(window), 760, 680);
  gtk_widget_set_size_request(window, 320, 294);
  add_actions();

  machines_ = std::make_unique<MachinesPage>(*this);
  plan_ = std::make_unique<PlanPage>(*this);
  doctor_ = std::make_unique<DoctorPage>(*this);
  machine_ = std::make_unique<MachinePage>(*this);
  policy_ = std::make_unique<PolicyPage>(*this);
  forwards_ = std::make_unique<ForwardsPage>(*this);
  move_ = std::make_unique<MovePage>(*this);

  leaflet_ = adw_leaflet_new();
  adw_leaflet_set_can_unfold(ADW_LEAFLET(leaflet_), FALSE);
  adw_leaflet_set_can_navigate_back(ADW_LEAFLET(leaflet_), TRUE);
  main_ = build_main();
  for (GtkWidget* const page : {main_, move_->widget(), machine_->widget(), policy_->widget(), forwards_->widget()})
    adw_leaflet_append(ADW_LEAFLET(leaflet_), page);
  show_over(nullptr);
  hide_unshown_pages(leaflet_);
  connect(leaflet_, "notify::visible-child", [this] {
    machine_->set_visible(adw_leaflet_get_visible_child(ADW_LEAFLET(leaflet_)) == machine_->widget());
  });
  toasts_ = adw_toast_overlay_new();
  adw_toast_overlay_set_child(ADW_TOAST_OVERLAY(toasts_), leaflet_);
  adw_application_window_set_content(ADW_APPLICATION_WINDOW(window), toasts_);
  g_signal_connect(window, "close-request", G_CALLBACK(+[](GtkWindow*, gpointer self) -> gboolean {
                     return !static_cast<MainWindow*>(self)->may_close();
                   }),
                   this);
  supervisor_->on_change([this] { update(); });
  update();
  look_for_cut_off_moves();
}

MainWindow::~MainWindow() {
  if (plan_timer_) g_source_remove(plan_timer_);
}

GtkWidget* MainWindow::build_main() {
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  pages_ = adw_view_stack_new();
  adw_view_stack_set_hhomogeneous(ADW_VIEW_STACK(pages_), FALSE);
  adw_view_stack_set_vhomogeneous(ADW_VIEW_STACK(pages_), FALSE);
  const auto add = [this](GtkWidget* page, const char* name, const char* title, const char* icon) {
    adw_view_stack_page_set_icon_name(adw_view_stack_add_titled(ADW_VIEW_STACK(pages_), page, name, title), icon);
  };
  add(machines_->widget(), "machines", _("Machines"), "org.virtsession.Window-symbolic");
  add(plan_->widget(), "plan", _("Plan"), "view-list-ordered-symbolic");
  add(doctor_->widget(), "doctor", _("Doctor"), "object-select-symbolic");
  connect(pages_, "notify::visible-child-name", [this] {
    const std::string name = adw_view_stack_get_visible_child_name(ADW_VIEW_STACK(pages_));
    if (name == "doctor") doctor_->look_once();
    for (GtkWidget* const button : {choose_, search_}) gtk_widget_set_visible(button, name == "machines");
  });
  hide_unshown_pages(pages_);
  gtk_box_append(GTK_BOX(box), build_header());
  gtk_box_append(GTK_BOX(box), build_banner());
  state_ = gtk_stack_new();
  gtk_stack_set_hhomogeneous(GTK_STACK(state_), FALSE);
  gtk_stack_set_vhomogeneous(GTK_STACK(state_), FALSE);
  gtk_widget_set_vexpand(state_, TRUE);
  gtk_stack_add_named(GTK_STACK(state_), pages_, "pages");
  gtk_stack_add_named(GTK_STACK(state_), build_off(), "off");
  GtkWidget* const nothing = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);  // for the moment before anything is known
  gtk_stack_add_named(GTK_STACK(state_), nothing, "unknown");
  gtk_stack_set_visible_child(GTK_STACK(state_), nothing);
  hide_unshown_pages(state_);
  gtk_box_append(GTK_BOX(box), state_);
  switcher_bar_ = adw_view_switcher_bar_new();
  adw_view_switcher_bar_set_stack(ADW_VIEW_SWITCHER_BAR(switcher_bar_), ADW_VIEW_STACK(pages_));
  connect(switcher_title_, "notify::title-visible", [this] { update_switcher(); });
  gtk_box_append(GTK_BOX(box), switcher_bar_);
  return box;
}

GtkWidget* MainWindow::build_header() {
  GtkWidget* const header = adw_header_bar_new();
  switcher_title_ = adw_view_switcher_title_new();
  adw_view_switcher_title_set_stack(ADW_VIEW_SWITCHER_TITLE(switcher_title_), ADW_VIEW_STACK(pages_));
  adw_view_switcher_title_set_title(ADW_VIEW_SWITCHER_TITLE(switcher_title_), _("Virtual Machines"));
  adw_header_bar_set_title_widget(ADW_HEADER_BAR(header), switcher_title_);

  search_ = gtk_toggle_button_new();
  gtk_button_set_icon_name(GTK_BUTTON(search_), "system-search-symbolic");
  gtk_widget_set_tooltip_text(search_, _("Search"));
  set_name(search_, _("Search"));
  g_object_bind_property(search_, "active", machines_->search_bar().gobj(), "search-mode-enabled",
                         static_cast<GBindingFlags>(G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE));
  adw_header_bar_pack_start(ADW_HEADER_BAR(header), search_);
  choose_ = gtk_toggle_button_new();
  gtk_button_set_icon_name(GTK_BUTTON(choose_), "selection-mode-symbolic");
  gtk_widget_set_tooltip_text(choose_, _("Select Several"));
  set_name(choose_, _("Select Several"));
  connect(choose_, "toggled",
          [this] { machines_->set_choosing(gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(choose_)) != FALSE); });
  adw_header_bar_pack_start(ADW_HEADER_BAR(header), choose_);

  GMenu* const menu = g_menu_new();
  GMenu* const sort = g_menu_new();
  g_menu_append(sort, _("Sort by Name"), "win.sort::name");
  g_menu_append(sort, _("Sort by Start"), "win.sort::since");
  g_menu_append_section(menu, nullptr, G_MENU_MODEL(sort));
  GMenu* const move = g_menu_new();
  g_menu_append(move, _("Move a Machine Here…"), "win.move-here");
  g_menu_append_section(menu, nullptr, G_MENU_MODEL(move));
  GMenu* const app = g_menu_new();
  g_menu_append(app, _("Preferences"), "app.preferences");
  g_menu_append(app, _("Keyboard Shortcuts"), "win.show-help-overlay");
  g_menu_append(app, _("About Virtual Machines"), "app.about");
  g_menu_append_section(menu, nullptr, G_MENU_MODEL(app));
  GtkWidget* const button = gtk_menu_button_new();
  gtk_menu_button_set_icon_name(GTK_MENU_BUTTON(button), "open-menu-symbolic");
  gtk_menu_button_set_primary(GTK_MENU_BUTTON(button), TRUE);
  gtk_widget_set_tooltip_text(button, _("Main Menu"));
  name_menu_button(button, _("Main Menu"));
  gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(button), G_MENU_MODEL(menu));
  for (GMenu* const part : {menu, sort, move, app}) g_object_unref(part);
  adw_header_bar_pack_end(ADW_HEADER_BAR(header), button);
  return header;
}

GtkWidget* MainWindow::build_banner() {
  banner_text_ = gtk_label_new("");
  gtk_label_set_wrap(GTK_LABEL(banner_text_), TRUE);
  gtk_label_set_wrap_mode(GTK_LABEL(banner_text_), PANGO_WRAP_WORD_CHAR);
  gtk_widget_set_hexpand(banner_text_, TRUE);
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
  gtk_widget_add_css_class(box, "message");
  gtk_box_append(GTK_BOX(box), banner_text_);
  banner_button_ = text_button("", [this] { banner_action_(); });
  gtk_box_append(GTK_BOX(box), banner_button_);
  banner_ = gtk_revealer_new();
  gtk_revealer_set_child(GTK_REVEALER(banner_), box);
  hide_unrevealed(banner_);
  return banner_;
}

GtkWidget* MainWindow::build_off() {
  GtkWidget* const button = text_button(_("Turn On"), [this] {
    supervisor_->turn_on([this](const CallError& error) {
      if (error) tell(error.text);
    });
  });
  gtk_widget_add_css_class(button, "pill");
  gtk_widget_add_css_class(button, "suggested-action");
  gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
  return status_page("org.virtsession.Window-symbolic", _("Nobody Looks After Your Machines"),
                     _("virtsessiond is off: no machine starts at login, comes back after a crash or is shut down in "
                       "order. Machines that run are not harmed."),
                     button);
}

void MainWindow::update() {
  const auto presence = supervisor_->presence();
  const bool present = presence == Supervisor::Presence::present;
  // The moment between two instances of virtsessiond shows what was there before.
  if (presence != Supervisor::Presence::not_known)
    gtk_stack_set_visible_child_name(GTK_STACK(state_), present ? "pages" : "off");
  for (GtkWidget* const button : {choose_, search_}) gtk_widget_set_sensitive(button, !supervisor_->vms().empty());
  adw_view_switcher_title_set_view_switcher_enabled(ADW_VIEW_SWITCHER_TITLE(switcher_title_), present);
  update_switcher();
  update_banner();
  machines_->update();
  plan_->update();
  machine_->update();
  policy_->update();
  forwards_->update();
  if (preferences_) preferences_->update();
  if (present && !wanted_machine_.empty()) show_machine(std::exchange(wanted_machine_, {}));
  if (plan_timer_ || !present) return;
  plan_timer_ = g_timeout_add_once(
      kPlanDelayMs,
      [](gpointer data) {
        auto& self = *static_cast<MainWindow*>(data);
        self.plan_timer_ = 0;
        self.read_plans();
      },
      this);
}

/// Where the title has no room for it, the switcher is below; without virtsessiond there is nothing to switch.
void MainWindow::update_switcher() {
  adw_view_switcher_bar_set_reveal(
      ADW_VIEW_SWITCHER_BAR(switcher_bar_),
      supervisor_->presence() == Supervisor::Presence::present &&
          adw_view_switcher_title_get_title_visible(ADW_VIEW_SWITCHER_TITLE(switcher_title_)));
}

void MainWindow::update_banner() {
  const bool present = supervisor_->presence() == Supervisor::Presence::present;
  const auto& manager = supervisor_->manager();
  const auto reason = manager.text("LibvirtReason");
  std::string text;
  std::string button = _("Doctor");
  banner_action_ = [this] { show_page("doctor"); };
  if (present && !supervisor_->libvirt_ready() && (manager.text("LibvirtState") != "down" || !reason.empty()))
    text = reason.empty() ? _("There is no connection to libvirt")
                          : filled(_("There is no connection to libvirt: {}"), reason);
  else if (present && manager.text("StopState") == "running")
    text = _("All machines are being stopped");
  else if (present && !manager.value("ConfigProblems").empty())
    text = _("The configuration has mistakes and is not used; see Preferences");
  else if (!cut_off_.empty()) {
    text = filled(_("The move of “{}” was cut off"), cut_off_);
    button = _("Show");
    banner_action_ = [this] { show_move({}); };
  }
  gtk_button_set_label(GTK_BUTTON(banner_button_), button.c_str());
  if (!text.empty()) gtk_label_set_text(GTK_LABEL(banner_text_), text.c_str());
  gtk_revealer_set_reveal_child(GTK_REVEALER(banner_), !text.empty());
}

void MainWindow::read_plans() {
  supervisor_->plan("PlanStart", [this](const Plan& plan) { plan_->set_start(plan); });
  supervisor_->plan("PlanStop", [this](const Plan& plan) {
    plan_->set_stop(plan);
    machines_->set_plan(plan);
    plan_changed_(plan);
  });
}

void MainWindow::tell(const std::string& text) {
  adw_toast_overlay_add_toast(ADW_TOAST_OVERLAY(toasts_), adw_toast_new(text.c_str()));
}

void MainWindow::tell(const std::string& text, const std::string& button, std::function<void()> pressed) {
  AdwToast* const toast = adw_toast_new(text.c_str());
  adw_toast_set_button_label(toast, button.c_str());
  connect(toast, "button-clicked", std::move(pressed));
  adw_toast_overlay_add_toast(ADW_TOAST_OVERLAY(toasts_), toast);
}

void MainWindow::search(const std::string& text) {
  show_page("machines");
  machines_->search(text);
}

void MainWindow::look_for_cut_off_moves() {
  const auto moves = ctl::cut_off_moves();
  cut_off_ = moves.empty() ? std::string() : moves.front().name;
  update_banner();
}

/// Back leads from each page to the one before it that can be gone to: those that nobody came from are left out.
void MainWindow::show_over(GtkWidget* page) {
  for (GtkWidget* const one : {move_->widget(), policy_->widget(), forwards_->widget()})
    adw_leaflet_page_set_navigatable(adw_leaflet_get_page(ADW_LEAFLET(leaflet_), one), one == page);
  if (page) adw_leaflet_set_visible_child(ADW_LEAFLET(leaflet_), page);
}

/// \param vm of the session, to be moved to the system; empty: the list of those that can come here
void MainWindow::show_move(const std::string& vm) {
  vm.empty() ? move_->open() : move_->open_plan(vm);
  show_over(move_->widget());
}

/// A move that goes on without the window would show nobody how it ended.
bool MainWindow::may_close() {
  if (!move_->is_moving()) return true;
  ask(_("Interrupt the Move?"), _("It can be continued later, or taken back."), _("Interrupt"), [this] {
    move_->interrupt();
    gtk_window_destroy(window());
  });
  return false;
}

void MainWindow::show_page(const std::string& name) {
  adw_leaflet_set_visible_child(ADW_LEAFLET(leaflet_), main_);
  adw_view_stack_set_visible_child_name(ADW_VIEW_STACK(pages_), name.c_str());
}

void MainWindow::show_machine(const std::string& uuid) {
  if (!supervisor_->find(uuid)) {
    if (supervisor_->presence() != Supervisor::Presence::present) wanted_machine_ = uuid;
    return;
  }
  machine_->open(uuid);
  show_over(machine_->widget());
}

void MainWindow::show_policy(const std::string& uuid, const std::string& key) {
  machine_->open(uuid);  // is what Back leads to
  policy_->open(uuid, key);
  show_over(policy_->widget());
}

void MainWindow::show_forwards(const std::string& uuid) {
  machine_->open(uuid);
  forwards_->open(uuid);
  show_over(forwards_->widget());
}

void MainWindow::go_back() { adw_leaflet_navigate(ADW_LEAFLET(leaflet_), ADW_NAVIGATION_DIRECTION_BACK); }

void MainWindow::set_mark(const std::string& uuid, bool marked) {
  supervisor_->call_vm(uuid, "SetAutostart", g_variant_new("(b@a{sv})", marked, g_variant_new("a{sv}", nullptr)),
                       [this](GVariant*, const CallError& error) {
                         if (!error) return;
                         tell(error.text);
                         machines_->show_again();
                         plan_->show_again();
                         machine_->update();
                       });
}

void MainWindow::run(Verb verb, const std::string& uuid) {
  const auto* const vm = supervisor_->find(uuid);
  if (!vm) return;
  if (verb != Verb::poweroff) return call_verb(verb, uuid);
  ask(filled(_("Force Off “{}”?"), vm->name()), _("This pulls the plug: the guest may lose work."), _("Force Off"),
      [this, uuid] { call_verb(Verb::poweroff, uuid); });
}

void MainWindow::call_verb(Verb verb, const std::string& uuid) {
  const auto* const vm = supervisor_->find(uuid);
  if (!vm) return;
  supervisor_->call_vm(uuid, verb_method(verb), nullptr,
                       [this, verb, name = vm->name()](GVariant*, const CallError& error) {
                         if (error) tell(verb_failure(verb, name) + ": " + error.text);
                       });
}

void MainWindow::ask(const std::string& heading, const std::string& text, const std::string& button,
                     std::function<void()> yes) {
  GtkWidget* const dialog = adw_message_dialog_new(window(), heading.c_str(), text.c_str());
  auto* const message = ADW_MESSAGE_DIALOG(dialog);
  adw_message_dialog_add_response(message, "no", _("Cancel"));
  adw_message_dialog_add_response(message, "yes", button.c_str());
  adw_message_dialog_set_response_appearance(message, "yes", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response(message, "no");
  adw_message_dialog_set_close_response(message, "no");
  connect(dialog, "response::yes", std::move(yes));
  gtk_window_present(GTK_WINDOW(dialog));
}

}  // namespace virtsession::window
