// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/log_window.hpp"

#include "texts/translate.hpp"

#include <string>

namespace virtsession::window {
namespace {

using namespace texts;

/// Fills the text when the journal has answered; the window may be gone by then.
void fill(GtkTextBuffer* buffer, const std::string& uuid) {
  const auto match = "VIRTSESSION_VM_UUID=" + uuid;
  GError* error = nullptr;
  GSubprocess* const journal = g_subprocess_new(
      static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE), &error,
      "journalctl", "--user", "--no-pager", "--output=short", "--lines=500", match.c_str(), nullptr);
  if (!journal) {
    gtk_text_buffer_set_text(buffer, error->message, -1);
    g_error_free(error);
    return;
  }
  g_subprocess_communicate_utf8_async(
      journal, nullptr, nullptr,
      [](GObject* source, GAsyncResult* result, gpointer data) {
        auto* const into = static_cast<GtkTextBuffer*>(data);
        char* text = nullptr;
        GError* failed = nullptr;
        g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, nullptr, &failed);
        gtk_text_buffer_set_text(into, failed ? failed->message : text, -1);
        g_clear_error(&failed);
        g_free(text);
        g_object_unref(into);
      },
      g_object_ref(buffer));
  g_object_unref(journal);
}

}  // namespace

void show_log(GtkWindow* parent, const ctl::VmInfo& vm) {
  GtkWidget* const window = adw_window_new();
  gtk_window_set_title(GTK_WINDOW(window), filled(_("Log of {}"), vm.name()).c_str());
  gtk_window_set_default_size(GTK_WINDOW(window), 720, 480);
  gtk_window_set_transient_for(GTK_WINDOW(window), parent);
  GtkWidget* const text = gtk_text_view_new();
  gtk_text_view_set_editable(GTK_TEXT_VIEW(text), FALSE);
  gtk_text_view_set_monospace(GTK_TEXT_VIEW(text), TRUE);
  gtk_text_view_set_wrap_mode(GTK_TEXT_VIEW(text), GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_left_margin(GTK_TEXT_VIEW(text), 12);
  gtk_text_view_set_right_margin(GTK_TEXT_VIEW(text), 12);
  gtk_text_view_set_top_margin(GTK_TEXT_VIEW(text), 12);
  GtkWidget* const scrolled = gtk_scrolled_window_new();
  gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), text);
  gtk_widget_set_vexpand(scrolled, TRUE);
  GtkWidget* const box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  gtk_box_append(GTK_BOX(box), adw_header_bar_new());
  gtk_box_append(GTK_BOX(box), scrolled);
  adw_window_set_content(ADW_WINDOW(window), box);
  fill(gtk_text_view_get_buffer(GTK_TEXT_VIEW(text)), vm.uuid());
  gtk_window_present(GTK_WINDOW(window));
}

}  // namespace virtsession::window
