// SPDX-License-Identifier: LGPL-2.1-or-later
#include "widgets.hpp"

#include "texts/translate.hpp"

namespace virtsession::window {

using texts::_;

gulong connect(gpointer object, const char* signal, Handler handler) {
  return g_signal_connect_data(
      object, signal, G_CALLBACK(+[](gpointer data) { (*static_cast<Handler*>(data))(); }),
      new Handler(std::move(handler)), [](gpointer data, GClosure*) { delete static_cast<Handler*>(data); },
      G_CONNECT_SWAPPED);
}

GtkWidget* text_button(const std::string& text, Handler clicked) {
  GtkWidget* const button = gtk_button_new_with_label(text.c_str());
  gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
  connect(button, "clicked", std::move(clicked));
  return button;
}

GtkWidget* icon_button(const char* icon, const std::string& name, Handler clicked) {
  GtkWidget* const button = gtk_button_new_from_icon_name(icon);
  gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text(button, name.c_str());
  gtk_widget_add_css_class(button, "flat");
  set_name(button, name);
  connect(button, "clicked", std::move(clicked));
  return button;
}

void set_name(GtkWidget* widget, const std::string& name) {
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name.c_str(), -1);
}

void name_menu_button(GtkWidget* button, const std::string& name) {
  set_name(button, name);
  if (GtkWidget* const inner = gtk_widget_get_first_child(button)) set_name(inner, name);
}

namespace {

void hide_from_readers(GtkWidget* widget, bool hidden) {
  gtk_accessible_update_state(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_STATE_HIDDEN, hidden, -1);
}

}  // namespace

void hide_unshown_pages(GtkWidget* pages) {
  const auto update = [pages] {
    GtkWidget* shown = nullptr;
    g_object_get(pages, "visible-child", &shown, nullptr);
    for (GtkWidget* page = gtk_widget_get_first_child(pages); page; page = gtk_widget_get_next_sibling(page))
      hide_from_readers(page, page != shown);
    if (shown) g_object_unref(shown);
  };
  connect(pages, "notify::visible-child", update);
  update();
}

void hide_unrevealed(GtkWidget* revealer) {
  const auto update = [revealer] {
    hide_from_readers(gtk_revealer_get_child(GTK_REVEALER(revealer)),
                      !gtk_revealer_get_reveal_child(GTK_REVEALER(revealer)));
  };
  connect(revealer, "notify::reveal-child", update);
  update();
}

GtkWidget* group(const std::string& title, const std::string& description) {
  GtkWidget* const widget = adw_preferences_group_new();
  adw_preferences_group_set_title(ADW_PREFERENCES_GROUP(widget), title.c_str());
  if (!description.empty()) adw_preferences_group_set_description(ADW_PREFERENCES_GROUP(widget), description.c_str());
  return widget;
}

GtkWidget* action_row(const std::string& title, const std::string& subtitle) {
  GtkWidget* const row = adw_action_row_new();
  adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
  adw_action_row_set_subtitle_lines(ADW_ACTION_ROW(row), 0);
  adw_action_row_set_title_lines(ADW_ACTION_ROW(row), 0);
  set_row_texts(row, title, subtitle);
  return row;
}

void set_row_texts(GtkWidget* row, const std::string& title, const std::string& subtitle) {
  adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title.c_str());
  adw_action_row_set_subtitle(ADW_ACTION_ROW(row), subtitle.c_str());
}

GtkWidget* link_row(const std::string& title, const std::string& subtitle, Handler activated) {
  GtkWidget* const row = action_row(title, subtitle);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), gtk_image_new_from_icon_name("go-next-symbolic"));
  gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), TRUE);
  connect(row, "activated", std::move(activated));
  return row;
}

GtkWidget* command_row(const std::string& command, std::function<void(const std::string&)> copied) {
  GtkWidget* const row = action_row(command);
  gtk_widget_add_css_class(row, "command");
  GtkWidget* const button = icon_button("edit-copy-symbolic", _("Copy Command"), [row, command, copied] {
    copy_to_clipboard(row, command);
    copied(_("Copied"));
  });
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), button);
  return row;
}

GtkWidget* scrolled_column(GtkWidget** column) {
  *column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 24);
  gtk_widget_set_margin_top(*column, 24);
  gtk_widget_set_margin_bottom(*column, 24);
  gtk_widget_set_margin_start(*column, 12);
  gtk_widget_set_margin_end(*column, 12);
  GtkWidget* const clamp = adw_clamp_new();
  adw_clamp_set_child(ADW_CLAMP(clamp), *column);
  GtkWidget* const scrolled = gtk_scrolled_window_new();
  gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), clamp);
  gtk_widget_set_vexpand(scrolled, TRUE);
  return scrolled;
}

GtkWidget* scrolled_list(GtkWidget* list) {
  gtk_widget_add_css_class(list, "machines");
  GtkWidget* const clamp = adw_clamp_scrollable_new();
  adw_clamp_scrollable_set_child(ADW_CLAMP_SCROLLABLE(clamp), list);
  GtkWidget* const scrolled = gtk_scrolled_window_new();
  gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), clamp);
  gtk_widget_set_vexpand(scrolled, TRUE);
  return scrolled;
}

void activate_on_click(GtkListItem* item) {
  GtkGesture* const click = gtk_gesture_click_new();
  g_signal_connect(click, "released",
                   G_CALLBACK(+[](GtkGesture* gesture, int times, double, double, GtkListItem* clicked) {
                     if (times != 1 || !gtk_list_item_get_activatable(clicked)) return;
                     gtk_gesture_set_state(gesture, GTK_EVENT_SEQUENCE_CLAIMED);
                     gtk_widget_activate_action(gtk_list_item_get_child(clicked), "list.activate-item", "u",
                                                gtk_list_item_get_position(clicked));
                   }),
                   item);
  gtk_widget_add_controller(gtk_list_item_get_child(item), GTK_EVENT_CONTROLLER(click));
}

void show_in_card(GtkWidget* row, bool is_in_card, bool is_first, bool is_last) {
  const auto set = [row](const char* name, bool on) {
    on ? gtk_widget_add_css_class(row, name) : gtk_widget_remove_css_class(row, name);
  };
  set("machine-row", is_in_card);
  set("title-row", !is_in_card);
  set("first", is_first);
  set("last", is_last);
}

GtkWidget* status_page(const char* icon, const std::string& title, const std::string& text, GtkWidget* child) {
  GtkWidget* const page = adw_status_page_new();
  adw_status_page_set_icon_name(ADW_STATUS_PAGE(page), icon);
  set_status(page, title, text);
  if (child) adw_status_page_set_child(ADW_STATUS_PAGE(page), child);
  gtk_widget_set_vexpand(page, TRUE);
  return page;
}

void set_status(GtkWidget* page, const std::string& title, const std::string& text) {
  adw_status_page_set_title(ADW_STATUS_PAGE(page), title.c_str());
  char* const escaped = g_markup_escape_text(text.c_str(), -1);
  adw_status_page_set_description(ADW_STATUS_PAGE(page), escaped);
  g_free(escaped);
}

GtkWidget* pill(const std::string& text, Handler clicked) {
  GtkWidget* const button = text_button(text, std::move(clicked));
  gtk_widget_add_css_class(button, "pill");
  gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
  return button;
}

void copy_to_clipboard(GtkWidget* widget, const std::string& text) {
  gdk_clipboard_set_text(gtk_widget_get_clipboard(widget), text.c_str());
}

void Rows::clear() {
  for (GtkWidget* const row : rows_) adw_preferences_group_remove(ADW_PREFERENCES_GROUP(group_), row);
  rows_.clear();
}

void Rows::add(GtkWidget* row) {
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(group_), row);
  rows_.push_back(row);
}

}  // namespace virtsession::window
