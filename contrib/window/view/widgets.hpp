// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <adwaita.h>

#include <functional>
#include <string>
#include <vector>

/// Short names for what every page does with widgets. libadwaita has no C++ binding in Debian, so rows and groups are
/// its own. New widgets are floating, as GTK's are.
namespace virtsession::window {

using Handler = std::function<void()>;

/// Runs the handler at each such signal, whatever its arguments are, as long as the object lives.
gulong connect(gpointer object, const char* signal, Handler handler);

GtkWidget* text_button(const std::string& text, Handler clicked);
/// \param name for its tooltip and for screen readers
GtkWidget* icon_button(const char* icon, const std::string& name, Handler clicked);

/// What screen readers say for a widget that has no text of its own.
void set_name(GtkWidget* widget, const std::string& name);
/// The same for a menu button, whose name the button inside it has.
void name_menu_button(GtkWidget* button, const std::string& name);

/// Screen readers leave out the children of a stack or a leaflet that are not shown: GTK before 4.10 tells them of all.
void hide_unshown_pages(GtkWidget* pages);
/// The same for what a revealer has not revealed.
void hide_unrevealed(GtkWidget* revealer);

GtkWidget* group(const std::string& title, const std::string& description = {});
GtkWidget* action_row(const std::string& title, const std::string& subtitle = {});
void set_row_texts(GtkWidget* row, const std::string& title, const std::string& subtitle);
/// A row that leads somewhere: an arrow at its end.
GtkWidget* link_row(const std::string& title, const std::string& subtitle, Handler activated);
/// A command to be copied, in the letters of a terminal.
GtkWidget* command_row(const std::string& command, std::function<void(const std::string&)> copied);

/// A column of limited width that scrolls, with room around it. \param column receives the box to fill
GtkWidget* scrolled_column(GtkWidget** column);

/// A list of recycled rows of limited width that scrolls. \param list a GtkListView
GtkWidget* scrolled_list(GtkWidget* list);
/// One click on a row of such a list does what Enter does. GTK's own way (single-click-activate) also selects each row
/// that comes under the pointer, even while rows are laid out: GTK 4.8 then goes on with a row that it has just freed.
/// \param item with its child; called once for each
void activate_on_click(GtkListItem* item);
/// Whether a row of such a list is part of a card, and which of its corners are round.
void show_in_card(GtkWidget* row, bool is_in_card, bool is_first, bool is_last);

/// A page that says one thing: an icon, a title, a text, and perhaps a widget below.
GtkWidget* status_page(const char* icon, const std::string& title, const std::string& text, GtkWidget* child = nullptr);

/// What such a page says; texts as they are, not markup.
void set_status(GtkWidget* page, const std::string& title, const std::string& text);

/// A round button in the middle of a page.
GtkWidget* pill(const std::string& text, Handler clicked);

void copy_to_clipboard(GtkWidget* widget, const std::string& text);

/// The rows of a group that are made again when what they show has changed.
class Rows {
 public:
  explicit Rows(GtkWidget* group) : group_(group) {}
  void clear();
  void add(GtkWidget* row);
  bool empty() const { return rows_.empty(); }
  GtkWidget* group() const { return group_; }

 private:
  GtkWidget* group_;
  std::vector<GtkWidget*> rows_;
};

}  // namespace virtsession::window
