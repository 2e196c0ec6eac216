// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/preferences.hpp"

#include "model/config_edit.hpp"
#include "texts/translate.hpp"
#include "virtsessionctl/advice.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace virtsession::window {
namespace {

using namespace texts;

std::filesystem::path own_config() {
  return std::filesystem::path(g_get_user_config_dir()) / "virtsession/config.json";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_on(GtkWidget* toggle) { return gtk_switch_get_active(GTK_SWITCH(toggle)) != FALSE; }
void set_on(GtkWidget* toggle, bool on) { gtk_switch_set_active(GTK_SWITCH(toggle), on); }

/// The user's own file, from whatever is in force so far, so that nothing else changes.
std::string config_text(const std::string& path_in_force) {
  std::error_code ignored;
  if (std::filesystem::exists(own_config(), ignored)) return read(own_config());
  return path_in_force.empty() ? "" : read(path_in_force);
}

/// \return why it could not be written, or nothing
std::string write_config(const std::string& text) {
  GError* error = nullptr;
  const auto path = own_config();
  g_mkdir_with_parents(path.parent_path().c_str(), 0700);
  if (g_file_set_contents_full(path.c_str(), text.data(), static_cast<gssize>(text.size()),
                               G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    return {};
  std::string reason = error->message;
  g_error_free(error);
  return reason;
}

GtkWidget* problem_row(const nlohmann::json& problem, const std::string& config) {
  const auto pointer = problem.value("pointer", std::string());
  const auto line = line_of(config, pointer);
  return action_row(ctl::problem_text(problem), line ? filled(_("Line {}: {}"), *line, pointer) : pointer);
}

}  // namespace

Preferences::Preferences(Shell& shell, Handler closed) : shell_(shell), unit_(shell.supervisor().bus()) {
  window_ = adw_preferences_window_new();
  gtk_window_set_transient_for(GTK_WINDOW(window_), shell.window());
  gtk_window_set_modal(GTK_WINDOW(window_), TRUE);
  adw_preferences_window_set_search_enabled(ADW_PREFERENCES_WINDOW(window_), FALSE);
  GtkWidget* const page = adw_preferences_page_new();
  build_session(page);
  build_configuration(page);
  adw_preferences_window_add(ADW_PREFERENCES_WINDOW(window_), ADW_PREFERENCES_PAGE(page));
  connect(window_, "destroy", std::move(closed));
  update();
  unit_.read([this](const std::string& state) {
    updating_ = true;
    gtk_widget_set_visible(at_login_row_, TRUE);
    set_on(at_login_, state.starts_with("enabled"));
    updating_ = false;
  });
  gtk_window_present(GTK_WINDOW(window_));
}

GtkWidget* Preferences::toggle_row(const std::string& title, const std::string& subtitle, GtkWidget** toggle,
                                   Handler changed) {
  GtkWidget* const row = action_row(title, subtitle);
  *toggle = gtk_switch_new();
  gtk_widget_set_valign(*toggle, GTK_ALIGN_CENTER);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), *toggle);
  adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), *toggle);
  connect(*toggle, "notify::active", [this, changed = std::move(changed)] {
    if (!updating_) changed();
  });
  return row;
}

void Preferences::build_session(GtkWidget* page) {
  GtkWidget* const session = group(_("Session"));
  const auto add = [&](GtkWidget* row) { adw_preferences_group_add(ADW_PREFERENCES_GROUP(session), row); };
  at_login_row_ = toggle_row(_("Look After Machines"), _("virtsessiond starts when you log in"), &at_login_, [this] {
    unit_.set_enabled(is_on(at_login_), [this](const std::string& error) {
      if (!error.empty()) refuse(error);
    });
  });
  gtk_widget_set_visible(at_login_row_, FALSE);  // until systemd has answered
  add(at_login_row_);
  add(toggle_row(_("Start Marked Machines at Login"), "", &autostart_, [this] { set_flag("autostart", autostart_); }));
  add(toggle_row(_("Run Without a Login"), _("Machines start at boot and run on after a logout"), &linger_, [this] {
    shell_.supervisor().call_manager(
        "SetLinger", g_variant_new("(b@a{sv})", is_on(linger_), g_variant_new("a{sv}", nullptr)), refuse_failure());
  }));
  add(toggle_row(_("Notifications"), _("When a machine needs you"), &notifications_,
                 [this] { set_flag("notifications", notifications_); }));
  adw_preferences_page_add(ADW_PREFERENCES_PAGE(page), ADW_PREFERENCES_GROUP(session));
}

void Preferences::build_configuration(GtkWidget* page) {
  problems_ = std::make_unique<Rows>(group(_("The Configuration Is Not Used")));
  versions_ = std::make_unique<Rows>(group(_("Versions")));
  for (auto* const rows : {problems_.get(), versions_.get()})
    adw_preferences_page_add(ADW_PREFERENCES_PAGE(page), ADW_PREFERENCES_GROUP(rows->group()));
  GtkWidget* const reload =
      text_button(_("Read Again"), [this] { shell_.supervisor().call_manager("Reload", nullptr, refuse_failure()); });
  gtk_widget_add_css_class(reload, "flat");
  adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(problems_->group()), reload);
}

void Preferences::update() {
  const auto& manager = shell_.supervisor().manager();
  const auto config = config_text(manager.text("ConfigPath"));
  updating_ = true;
  set_on(linger_, manager.flag("Linger"));
  set_on(autostart_, config_flag(config, "autostart").value_or(true));
  set_on(notifications_, config_flag(config, "notifications").value_or(true));
  updating_ = false;
  const auto now = manager.json().dump();
  if (now == shown_) return;
  shown_ = now;
  problems_->clear();
  for (const auto& problem : manager.value("ConfigProblems")) problems_->add(problem_row(problem, config));
  gtk_widget_set_visible(problems_->group(), !problems_->empty());
  versions_->clear();
  versions_->add(action_row("virtsessiond", manager.text("Version")));
  versions_->add(action_row(manager.text("LibvirtDaemon"), manager.text("LibvirtVersion")));
  if (!manager.text("ConfigPath").empty()) versions_->add(action_row(_("Configuration"), manager.text("ConfigPath")));
}

/// Written only when virtsessiond takes it: a file that it refuses would be the end of all its other settings.
void Preferences::set_flag(const char* key, GtkWidget* toggle) {
  const auto before = config_text(shell_.supervisor().manager().text("ConfigPath"));
  const auto text = with_config_flag(before, key, is_on(toggle));
  if (!text) return refuse(_("The configuration file cannot be read; correct it first"));
  if (const auto failed = write_config(*text); !failed.empty()) return refuse(failed);
  shell_.supervisor().call_manager("Reload", nullptr, refuse_failure());
}

Reply Preferences::refuse_failure() {
  return [this, alive = std::weak_ptr<bool>(alive_)](GVariant*, const CallError& error) {
    if (error && !alive.expired()) refuse(error.text);
  };
}

void Preferences::refuse(const std::string& text) {
  adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(window_), adw_toast_new(text.c_str()));
  update();
}

}  // namespace virtsession::window
