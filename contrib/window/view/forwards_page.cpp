// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/forwards_page.hpp"

#include "texts/translate.hpp"
#include "view/machine_row.hpp"

namespace virtsession::window {

using namespace texts;

namespace {

constexpr double kLastPort = 65535;
constexpr double kSsh = 22;

std::uint16_t port_in(GtkWidget* spin) {
  return static_cast<std::uint16_t>(gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(spin)));
}

}  // namespace

ForwardsPage::ForwardsPage(Shell& shell) : shell_(shell) {
  box_ = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget* const header = adw_header_bar_new();
  title_ = adw_window_title_new(_("Forwarded Ports"), "");
  adw_header_bar_set_title_widget(ADW_HEADER_BAR(header), title_);
  adw_header_bar_pack_start(ADW_HEADER_BAR(header),
                            icon_button("go-previous-symbolic", _("Back"), [this] { shell_.go_back(); }));
  gtk_box_append(GTK_BOX(box_), header);
  GtkWidget* column = nullptr;
  gtk_box_append(GTK_BOX(box_), scrolled_column(&column));
  rows_ = std::make_unique<Rows>(group(
      "",
      _("A port of this computer that leads to a port of the guest: for a shell, a web page, or a remote desktop.")));
  nothing_ = action_row(_("No port leads into this machine"));
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(rows_->group()), nothing_);
  gtk_box_append(GTK_BOX(column), rows_->group());
  build_form(column);
}

GtkWidget* ForwardsPage::number_row(const std::string& title, const std::string& subtitle, double minimum,
                                    double value) {
  GtkWidget* const spin = gtk_spin_button_new_with_range(minimum, kLastPort, 1);
  gtk_spin_button_set_value(GTK_SPIN_BUTTON(spin), value);
  gtk_editable_set_width_chars(GTK_EDITABLE(spin), 5);
  gtk_widget_set_valign(spin, GTK_ALIGN_CENTER);
  set_name(spin, title);
  GtkWidget* const row = action_row(title, subtitle);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), spin);
  adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), spin);
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(form_), row);
  return spin;
}

void ForwardsPage::build_form(GtkWidget* column) {
  form_ = group(_("Another One"));
  GtkWidget* const button = text_button(_("Add"), [this] { add(); });
  gtk_widget_add_css_class(button, "suggested-action");
  adw_preferences_group_set_header_suffix(ADW_PREFERENCES_GROUP(form_), button);
  guest_port_ = number_row(_("Port in the Guest"), _("22 is SSH, 80 a web server, 3389 a remote desktop"), 1, kSsh);
  host_port_ = number_row(_("Port of This Computer"), _("0: one that is free, and stays the same"), 0, 0);
  protocol_ = adw_combo_row_new();
  adw_preferences_row_set_title(ADW_PREFERENCES_ROW(protocol_), _("Protocol"));
  const char* const protocols[] = {"TCP", "UDP", nullptr};
  GtkStringList* const texts = gtk_string_list_new(protocols);
  adw_combo_row_set_model(ADW_COMBO_ROW(protocol_), G_LIST_MODEL(texts));
  g_object_unref(texts);
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(form_), protocol_);
  GtkWidget* const others = action_row(_("For Other Computers, Too"), _("Everybody on your network can connect"));
  for_others_ = gtk_switch_new();
  gtk_widget_set_valign(for_others_, GTK_ALIGN_CENTER);
  adw_action_row_add_suffix(ADW_ACTION_ROW(others), for_others_);
  adw_action_row_set_activatable_widget(ADW_ACTION_ROW(others), for_others_);
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(form_), others);
  error_ = action_row("");
  gtk_widget_add_css_class(error_, "error");
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(form_), error_);
  gtk_box_append(GTK_BOX(column), form_);
}

void ForwardsPage::open(const std::string& uuid) {
  uuid_ = uuid;
  say({});
  update();
}

void ForwardsPage::update() {
  const auto* const vm = shell_.supervisor().find(uuid_);
  if (!vm) return;
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(title_), vm->name().c_str());
  const auto forwards = forwards_of(*vm);
  if (forwards == shown_ && uuid_ == shown_of_) return;
  shown_ = forwards;
  shown_of_ = uuid_;
  show(forwards);
}

void ForwardsPage::show(const std::vector<ForwardView>& forwards) {
  rows_->clear();
  for (const auto& forward : forwards) {
    GtkWidget* const row = action_row(forward.title, forward.note);
    GtkWidget* const image = gtk_image_new_from_icon_name(forward.icon.c_str());
    gtk_widget_add_css_class(image, tone_class(forward.tone));
    adw_action_row_add_prefix(ADW_ACTION_ROW(row), image);
    if (!forward.spec.empty())
      adw_action_row_add_suffix(
          ADW_ACTION_ROW(row),
          icon_button("user-trash-symbolic", filled(_("Remove {}"), forward.title), [this, spec = forward.spec] {
            if (const auto* const vm = shell_.supervisor().find(uuid_)) send(ports_without(*vm, spec));
          }));
    rows_->add(row);
  }
  gtk_widget_set_visible(nothing_, rows_->empty());
}

void ForwardsPage::add() {
  const auto* const vm = shell_.supervisor().find(uuid_);
  if (!vm) return;
  send(ports_with(*vm, spec_of({.host_port = port_in(host_port_),
                                .guest_port = port_in(guest_port_),
                                .udp = adw_combo_row_get_selected(ADW_COMBO_ROW(protocol_)) == 1,
                                .for_others = gtk_switch_get_active(GTK_SWITCH(for_others_)) != FALSE})));
}

void ForwardsPage::send(const nlohmann::json& ports) {
  shell_.supervisor().set_policy(uuid_, "ports", ports,
                                 [this](GVariant*, const CallError& error) { say(error ? error.text : ""); });
}

/// What was refused stays in the form to be corrected, with the reason below it.
void ForwardsPage::say(const std::string& error) {
  set_row_texts(error_, error.empty() ? "" : _("Not added"), error);
  gtk_widget_set_visible(error_, !error.empty());
}

}  // namespace virtsession::window
