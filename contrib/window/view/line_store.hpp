// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/difference.hpp"

#include <giomm/liststore.h>
#include <gtkmm/widget.h>

#include <utility>
#include <vector>

namespace virtsession::window {

/// What a list holds: one line, which may change while it is shown.
template <typename Line>
class LineItem : public Glib::Object {
 public:
  static Glib::RefPtr<LineItem> create(const Line& line) { return Glib::make_refptr_for_instance(new LineItem(line)); }
  const Line& line() const { return line_; }
  /// Tells its row, unless that shows the same already: measuring texts anew is what costs most.
  void set(const Line& line) {
    if (line == line_) return;
    line_ = line;
    changed.emit();
  }
  sigc::signal<void()> changed;

 private:
  explicit LineItem(Line line) : line_(std::move(line)) {}
  Line line_;
};

/// The lines of a list, and what GTK is told when they are others. GTK makes 200 rows at once, seen or not: a long list
/// begins with what a window shows, and the rest comes when that has been drawn.
template <typename Line>
class LineStore {
 public:
  /// \param list the widget that shows the lines, which outlives this
  explicit LineStore(Gtk::Widget& list) : list_(list) {}
  ~LineStore() { forget_rest(); }
  LineStore(const LineStore&) = delete;
  LineStore& operator=(const LineStore&) = delete;

  const std::vector<Line>& lines() const { return lines_; }
  const Glib::RefPtr<Gio::ListStore<LineItem<Line>>>& model() const { return store_; }

  void set(std::vector<Line> now) {
    const bool begins = lines_.empty() || is_drawing();
    if (!begins || now.size() <= kAtFirst) {
      forget_rest();
      return apply(std::move(now));
    }
    apply({now.begin(), now.begin() + kAtFirst});
    all_ = std::move(now);
    if (is_drawing()) return;
    frames_ = 0;
    tick_ = list_.add_tick_callback([this](const Glib::RefPtr<Gdk::FrameClock>&) { return on_frame(); });
  }

  /// Each row shows its line once more: a switch was turned, and nothing came of it.
  void show_again() {
    for (guint i = 0; i < store_->get_n_items(); ++i) store_->get_item(i)->changed.emit();
  }

 private:
  static constexpr std::size_t kAtFirst = 40;

  bool is_drawing() const { return tick_ != 0; }

  /// A frame begins, before it is drawn: at the second one what came first has been drawn.
  bool on_frame() {
    if (++frames_ < 2) return true;
    tick_ = 0;
    apply(std::move(all_));
    return false;
  }

  void forget_rest() {
    if (is_drawing()) list_.remove_tick_callback(tick_);
    tick_ = 0;
  }

  void apply(std::vector<Line> now) {
    const auto change = difference(lines_, now);
    std::vector<Glib::RefPtr<LineItem<Line>>> added;
    for (std::size_t i = 0; i < change.added; ++i) added.push_back(LineItem<Line>::create(now[change.position + i]));
    if (change.removed > 0 || change.added > 0)
      store_->splice(static_cast<guint>(change.position), static_cast<guint>(change.removed), added);
    for (std::size_t i = 0; i < now.size(); ++i)
      if (i < change.position || i >= change.position + change.added)
        store_->get_item(static_cast<guint>(i))->set(now[i]);
    lines_ = std::move(now);
  }

  Gtk::Widget& list_;
  std::vector<Line> lines_, all_;
  guint tick_ = 0;
  unsigned frames_ = 0;
  Glib::RefPtr<Gio::ListStore<LineItem<Line>>> store_ = Gio::ListStore<LineItem<Line>>::create();
};

}  // namespace virtsession::window
