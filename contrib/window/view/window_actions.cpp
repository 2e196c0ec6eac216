// SPDX-License-Identifier: LGPL-2.1-or-later
#include "texts/translate.hpp"
#include "util/build_config.hpp"
#include "view/log_window.hpp"
#include "view/main_window.hpp"
#include "view/widgets.hpp"
#include "virtsessionctl/viewers.hpp"

#include <giomm/simpleaction.h>

// What the window's menus, keys and the bus can ask it for.

namespace virtsession::window {
namespace {

using namespace texts;

GtkWidget* shortcuts_window() {
  static constexpr const char* kPage =
      "<interface><object class='GtkShortcutsWindow' id='window'><property name='modal'>1</property>"
      "<child><object class='GtkShortcutsSection'><child><object class='GtkShortcutsGroup'>{}</object></child></object>"
      "</child></object></interface>";
  std::string rows;
  const auto add = [&rows](const char* title, const char* keys) {
    char* const text = g_markup_printf_escaped(
        "<child><object class='GtkShortcutsShortcut'><property name='title'>%s</property>"
        "<property name='accelerator'>%s</property></object></child>",
        title, keys);
    rows += text;
    g_free(text);
  };
  add(_("Search"), "<Primary>f");
  add(_("Machines"), "<Alt>1");
  add(_("Plan"), "<Alt>2");
  add(_("Doctor"), "<Alt>3");
  add(_("Back"), "<Alt>Left");
  add(_("Preferences"), "<Primary>comma");
  add(_("Keyboard Shortcuts"), "<Primary>question");
  add(_("Close Window"), "<Primary>w");
  add(_("Quit"), "<Primary>q");
  const auto page = filled(kPage, rows);
  GtkBuilder* const builder = gtk_builder_new_from_string(page.c_str(), -1);
  GtkWidget* const window = GTK_WIDGET(g_object_ref(gtk_builder_get_object(builder, "window")));
  g_object_unref(builder);
  return window;
}

}  // namespace

void MainWindow::add_vm_action(const std::string& name, std::function<void(const std::string&)> action) {
  window_->add_action_with_parameter(name, Glib::VARIANT_TYPE_STRING, [action](const Glib::VariantBase& uuid) {
    action(Glib::VariantBase::cast_dynamic<Glib::Variant<Glib::ustring>>(uuid).get());
  });
}

void MainWindow::add_actions() {
  for (const auto verb : kVerbs)
    add_vm_action(std::string("vm-") + verb_id(verb), [this, verb](const std::string& uuid) { run(verb, uuid); });
  add_vm_action("vm-show", [this](const std::string& uuid) { show_machine(uuid); });
  add_vm_action("vm-policy", [this](const std::string& uuid) { show_policy(uuid, ""); });
  add_vm_action("vm-console", [this](const std::string& uuid) { open_console(uuid); });
  add_vm_action("vm-log", [this](const std::string& uuid) { open_log(uuid); });
  add_vm_action("vm-forwards", [this](const std::string& uuid) { show_forwards(uuid); });
  add_vm_action("vm-move", [this](const std::string& uuid) {
    if (const auto* const vm = supervisor_->find(uuid)) show_move(vm->name());
  });
  window_->add_action("move-here", [this] { show_move({}); });
  add_vm_action("page", [this](const std::string& name) { show_page(name); });
  window_->add_action("back", [this] { go_back(); });
  window_->add_action("search", [this] { search(""); });
  window_->add_action("stop-all", [this] {
    ask(_("Stop All Machines?"), _("Each is stopped by its policy, as at the end of the session."), _("Stop All"),
        [this] {
          supervisor_->call_manager("StopAll", nullptr, [this](GVariant*, const CallError& error) {
            if (error) tell(error.text);
          });
        });
  });
  const auto sort = window_->add_action_radio_string("sort", "name");
  sort->signal_activate().connect([this, sort](const Glib::VariantBase& by) {
    sort->change_state(by);
    const auto text = Glib::VariantBase::cast_dynamic<Glib::Variant<Glib::ustring>>(by).get();
    machines_->set_sort(text == "since" ? SortBy::since : SortBy::name);
  });
  gtk_application_window_set_help_overlay(window_->gobj(), GTK_SHORTCUTS_WINDOW(shortcuts_window()));
}

void MainWindow::open_console(const std::string& uuid) {
  std::string programs;
  for (const auto& viewer : ctl::viewers()) {
    programs += (programs.empty() ? "" : ", ") + viewer.program;
    char* const found = g_find_program_in_path(viewer.program.c_str());
    g_free(found);
    if (!found) continue;
    const auto command = viewer.command(uuid);
    std::vector<const char*> words;
    for (const auto& word : command) words.push_back(word.c_str());
    words.push_back(nullptr);
    GError* error = nullptr;
    GSubprocess* const process = g_subprocess_newv(words.data(), G_SUBPROCESS_FLAGS_NONE, &error);
    if (!process) {
      tell(error->message);
      g_error_free(error);
    } else {
      g_object_unref(process);
    }
    return;
  }
  tell(filled(_("No program to show a console is installed: {}"), programs));
}

void MainWindow::open_log(const std::string& uuid) {
  if (const auto* const vm = supervisor_->find(uuid)) show_log(window(), *vm);
}

void MainWindow::show_preferences() {
  if (!preferences_)
    preferences_ = std::make_unique<Preferences>(*this, [this] {
      // Its own signal is still under way.
      g_idle_add_once([](gpointer self) { static_cast<MainWindow*>(self)->preferences_.reset(); }, this);
    });
}

void MainWindow::show_about() {
  GtkWidget* const about = adw_about_window_new();
  auto* const window = ADW_ABOUT_WINDOW(about);
  adw_about_window_set_application_name(window, _("Virtual Machines"));
  adw_about_window_set_application_icon(window, "org.virtsession.Window");
  adw_about_window_set_developer_name(window, "virtsession");
  adw_about_window_set_version(window, std::string(build::kVersion).c_str());
  adw_about_window_set_comments(window, _("Your own virtual machines behave like services"));
  adw_about_window_set_website(window, "https://virtsession.org");
  adw_about_window_set_license_type(window, GTK_LICENSE_LGPL_2_1);
  // Translators: your names, one a line
  const std::string translators = _("translator-credits");
  if (translators != "translator-credits") adw_about_window_set_translator_credits(window, translators.c_str());
  const auto& manager = supervisor_->manager();
  const auto facts = "virtsessiond " + manager.text("Version") + "\n" + manager.text("LibvirtDaemon") + " " +
                     manager.text("LibvirtVersion");
  adw_about_window_set_debug_info(window, facts.c_str());
  gtk_window_set_transient_for(GTK_WINDOW(about), this->window());
  gtk_window_present(GTK_WINDOW(about));
}

}  // namespace virtsession::window
