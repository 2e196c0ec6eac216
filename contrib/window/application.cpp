// SPDX-License-Identifier: LGPL-2.1-or-later
#include "application.hpp"

#include "texts/translate.hpp"
#include "view/widgets.hpp"

#include <sysexits.h>

#include <cstdlib>
#include <utility>

namespace virtsession::window {
namespace {

using namespace texts;

constexpr const char* kStyle = R"(
listview.machines { background: transparent; padding: 0 12px 18px 12px; }
listview.machines > row { padding: 0; background: transparent; border-radius: 0; margin: 0; }
listview.machines > row.machine-row {
  background-color: @card_bg_color; color: @card_fg_color;
  border: 1px solid alpha(black, 0.06); border-top-width: 0; border-bottom-color: @card_shade_color;
}
listview.machines > row.machine-row.first { border-top-width: 1px; border-radius: 12px 12px 0 0; }
listview.machines > row.machine-row.last {
  border-bottom-color: alpha(black, 0.06); border-radius: 0 0 12px 12px; box-shadow: 0 2px 3px -1px alpha(black, 0.1);
}
listview.machines > row.machine-row.first.last { border-radius: 12px; }
listview.machines > row.machine-row:hover { background-image: image(alpha(currentColor, 0.04)); }
listview.machines > row.machine-row:active { background-image: image(alpha(currentColor, 0.08)); }
.machine-line { padding: 9px 8px 9px 14px; min-height: 36px; }
.foot { border-radius: 0; padding: 6px 12px; box-shadow: inset 0 1px alpha(currentColor, 0.08); }
.message { padding: 6px 12px; background-color: alpha(@warning_bg_color, 0.25); }
.phase-icon { padding: 18px; border-radius: 999px; background-color: alpha(currentColor, 0.1); }
row.command .title { font-family: monospace; font-size: 0.9em; }
row.error .subtitle { color: @error_color; }
)";

}  // namespace

Application::Application() : Gtk::Application("org.virtsession.Window") {}

Application::~Application() = default;

void Application::on_startup() {
  Gtk::Application::on_startup();
  adw_init();
  if (!get_dbus_connection()) {
    g_printerr("%s\n", _("There is no session bus: open this from your desktop"));
    std::exit(EX_UNAVAILABLE);
  }
  g_set_application_name(_("Virtual Machines"));
  gtk_window_set_default_icon_name("org.virtsession.Window");
  GtkCssProvider* const style = gtk_css_provider_new();
  gtk_css_provider_load_from_data(style, kStyle, -1);
  gtk_style_context_add_provider_for_display(gdk_display_get_default(), GTK_STYLE_PROVIDER(style),
                                             GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  g_object_unref(style);
  add_actions();
}

void Application::on_activate() { window().present(); }

MainWindow& Application::window() {
  if (!window_) {
    window_ = std::make_unique<MainWindow>(*this, std::make_unique<Supervisor>(get_dbus_connection()->gobj()),
                                           [this](const Plan& plan) { set_warning(logout_warning(plan)); });
    // The window is gone, and what belongs to it goes when its signal has ended.
    connect(window_->window(), "destroy", [this] {
      set_warning(std::nullopt);
      gone_ = std::move(window_);
      g_idle_add_once([](gpointer self) { static_cast<Application*>(self)->gone_.reset(); }, this);
    });
  }
  return *window_;
}

void Application::add_text_action(const std::string& name, std::function<void(const std::string&)> action) {
  add_action_with_parameter(name, Glib::VARIANT_TYPE_STRING, [this, action](const Glib::VariantBase& text) {
    action(Glib::VariantBase::cast_dynamic<Glib::Variant<Glib::ustring>>(text).get());
    window().present();
  });
}

void Application::add_actions() {
  add_text_action("show-machine", [this](const std::string& uuid) { window().show_machine(uuid); });
  add_text_action("search", [this](const std::string& text) { window().search(text); });
  add_text_action("show-page", [this](const std::string& name) { window().show_page(name); });
  add_action("preferences", [this] {
    window().present();
    window().show_preferences();
  });
  add_action("about", [this] {
    window().present();
    window().show_about();
  });
  add_action("quit", [this] {
    if (window_ && !window_->may_close()) return;
    if (window_) gtk_window_destroy(window_->window());
    quit();
  });
  set_accels_for_action("app.quit", {"<Primary>q"});
  set_accels_for_action("app.preferences", {"<Primary>comma"});
  set_accels_for_action("window.close", {"<Primary>w"});
  set_accels_for_action("win.search", {"<Primary>f"});
  set_accels_for_action("win.back", {"<Alt>Left"});
  set_accels_for_action("win.page('machines')", {"<Alt>1"});
  set_accels_for_action("win.page('plan')", {"<Alt>2"});
  set_accels_for_action("win.page('doctor')", {"<Alt>3"});
}

void Application::set_warning(const std::optional<std::string>& warning) {
  if (warning == warning_) return;
  warning_ = warning;
  if (inhibited_) uninhibit(std::exchange(inhibited_, 0U));
  if (warning_ && window_)
    inhibited_ = gtk_application_inhibit(gobj(), window_->window(), GTK_APPLICATION_INHIBIT_LOGOUT, warning_->c_str());
}

}  // namespace virtsession::window
