// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/policy_field.hpp"

#include "texts/translate.hpp"

namespace virtsession::window {
namespace {

using namespace texts;
using nlohmann::json;

GtkWidget* help_button(const Field& field) {
  GtkWidget* const label = gtk_label_new(field.description.c_str());
  gtk_label_set_wrap(GTK_LABEL(label), TRUE);
  gtk_label_set_max_width_chars(GTK_LABEL(label), 40);
  gtk_label_set_xalign(GTK_LABEL(label), 0);
  GtkWidget* const key = gtk_label_new(field.key.c_str());
  gtk_widget_add_css_class(key, "monospace");
  gtk_widget_add_css_class(key, "dim-label");
  gtk_label_set_xalign(GTK_LABEL(key), 0);
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
  for (const auto margin : {gtk_widget_set_margin_top, gtk_widget_set_margin_bottom, gtk_widget_set_margin_start,
                            gtk_widget_set_margin_end})
    margin(box, 12);
  gtk_box_append(GTK_BOX(box), label);
  gtk_box_append(GTK_BOX(box), key);
  GtkWidget* const popover = gtk_popover_new();
  gtk_popover_set_child(GTK_POPOVER(popover), box);
  GtkWidget* const button = gtk_menu_button_new();
  gtk_menu_button_set_icon_name(GTK_MENU_BUTTON(button), "dialog-information-symbolic");
  gtk_menu_button_set_popover(GTK_MENU_BUTTON(button), popover);
  gtk_widget_add_css_class(button, "flat");
  gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text(button, _("What This Means"));
  name_menu_button(button, filled(_("What “{}” means"), field.title));
  return button;
}

}  // namespace

PolicyField::PolicyField(Shell& shell, Field field) : shell_(shell), field_(std::move(field)) {}

void PolicyField::finish(GtkWidget* row, GtkWidget* suffix_box) {
  row_ = row;
  reset_ = icon_button("edit-undo-symbolic", _("Use the Default"), [this] { reset(); });
  gtk_box_append(GTK_BOX(suffix_box), reset_);
  gtk_box_append(GTK_BOX(suffix_box), help_button(field_));
}

void PolicyField::open(const std::string& uuid) {
  uuid_ = uuid;
  state_ = {json("\x01"), Source::built_in};  // equals nothing that a VM has
}

void PolicyField::update(const VmInfo& vm) {
  auto now = state_of(field_, vm);
  if (now == state_) return;
  state_ = std::move(now);
  showing_ = true;
  show(state_.value);
  showing_ = false;
  accept();
  // It keeps its place, so that what is beside it lines up with the rows above and below.
  const bool can_reset = state_.source == Source::machine;
  gtk_widget_set_opacity(reset_, can_reset ? 1 : 0);
  gtk_widget_set_sensitive(reset_, can_reset);
}

void PolicyField::show_note(const std::string& text) {
  adw_action_row_set_subtitle(ADW_ACTION_ROW(row_), text.c_str());
}

void PolicyField::changed(const json& value) {
  if (showing_) return;
  if (value != state_.value) return send(value, true);
  accept();
}

/// What is shown is what is so.
void PolicyField::accept() {
  gtk_widget_remove_css_class(row_, "error");
  show_note(source_text(state_.source));
}

void PolicyField::send(const json& value, bool can_be_undone) {
  // Null means that the key is not set.
  if (value.is_null()) return reset();
  const auto before = state_;
  shell_.supervisor().set_policy(uuid_, field_.key, value,
                                 [this, before, can_be_undone](GVariant*, const CallError& error) {
                                   if (error) return refused(error.text);
                                   if (!can_be_undone) return;
                                   shell_.tell(filled(_("“{}” changed"), field_.title), _("Undo"), [this, before] {
                                     if (before.source == Source::machine)
                                       send(before.value, false);
                                     else
                                       reset();
                                   });
                                 });
}

void PolicyField::reset() {
  GVariantBuilder options;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  const char* const keys[] = {field_.key.c_str(), nullptr};
  g_variant_builder_add(&options, "{sv}", "keys", g_variant_new_strv(keys, -1));
  shell_.supervisor().call_vm(uuid_, "ClearPolicy", g_variant_new("(@a{sv})", g_variant_builder_end(&options)),
                              [this](GVariant*, const CallError& error) {
                                if (error) refused(error.text);
                              });
}

/// What was refused stays to be corrected, with the reason beside it.
void PolicyField::refused(const std::string& text) {
  gtk_widget_add_css_class(row_, "error");
  show_note(text);
}

}  // namespace virtsession::window
