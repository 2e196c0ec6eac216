// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/plan_row.hpp"

#include "texts/translate.hpp"
#include "view/widgets.hpp"

namespace virtsession::window {

using namespace texts;

namespace {

constexpr int kWaveChars = 9;

Gtk::Box* column_of(std::initializer_list<Gtk::Label*> labels) {
  auto* const column = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::VERTICAL, 2);
  column->set_hexpand(true);
  column->set_valign(Gtk::Align::CENTER);
  for (auto* const label : labels) {
    label->set_xalign(0);
    label->set_wrap(true);
    label->set_wrap_mode(Pango::WrapMode::WORD_CHAR);
    column->append(*label);
  }
  return column;
}

}  // namespace

PlanRow::PlanRow(Shell& shell, std::function<void(const PlanLine&)> run)
    : Gtk::Box(Gtk::Orientation::VERTICAL), shell_(shell), run_(std::move(run)) {
  build_heading();
  build_line();
}

void PlanRow::build_heading() {
  heading_.append(*column_of({&heading_title_, &heading_text_}));
  heading_title_.add_css_class("heading");
  heading_text_.add_css_class("dim-label");
  heading_.set_margin_top(24);
  heading_.set_margin_bottom(8);
  button_.add_css_class("flat");
  button_.set_valign(Gtk::Align::CENTER);
  button_.signal_clicked().connect([this] {
    if (item_) run_(item_->line());
  });
  heading_.append(button_);
  append(heading_);
}

void PlanRow::build_line() {
  line_.add_css_class("machine-line");
  wave_.set_xalign(0);
  wave_.set_width_chars(kWaveChars);
  wave_.set_max_width_chars(kWaveChars);
  wave_.set_wrap(true);
  wave_.add_css_class("dim-label");
  wave_.add_css_class("caption");
  line_.append(wave_);
  line_.append(*column_of({&title_, &text_}));
  text_.add_css_class("caption");
  text_.add_css_class("dim-label");
  mark_.set_valign(Gtk::Align::CENTER);
  mark_.property_active().signal_changed().connect([this] {
    if (!updating_ && item_) shell_.set_mark(item_->line().uuid, mark_.get_active());
  });
  line_.append(mark_);
  arrow_.set_from_icon_name("go-next-symbolic");
  arrow_.set_margin_end(6);
  line_.append(arrow_);
  append(line_);
}

void PlanRow::show(const Glib::RefPtr<PlanItem>& item) {
  item_ = item;
  changed_ = item_->changed.connect([this] { update(); });
  update();
}

void PlanRow::forget() {
  changed_.disconnect();
  item_.reset();
}

void PlanRow::update() {
  updating_ = true;
  const auto& line = item_->line();
  const bool is_heading = line.kind == PlanLine::Kind::heading;
  heading_.set_visible(is_heading);
  line_.set_visible(!is_heading);
  if (auto* const row = get_parent()) {
    show_in_card(GTK_WIDGET(row->gobj()), !is_heading, line.first, line.last);
    window::set_name(GTK_WIDGET(row->gobj()),
                     is_heading || line.text.empty() ? line.title : line.title + ", " + line.text);
  }
  if (is_heading) {
    heading_title_.set_text(line.title);
    heading_text_.set_text(line.text);
    heading_text_.set_visible(!line.text.empty());
    button_.set_label(line.is_start ? _("Start Now") : _("Stop All Now…"));
    button_.set_sensitive(line.is_on);
  } else {
    const bool is_mark = line.kind == PlanLine::Kind::mark;
    wave_.set_text(line.wave);
    wave_.set_visible(!is_mark);
    title_.set_text(line.title);
    text_.set_text(line.text);
    text_.set_visible(!line.text.empty());
    mark_.set_active(line.is_on);
    mark_.set_visible(is_mark);
    window::set_name(GTK_WIDGET(mark_.gobj()), filled(_("Start {} at login"), line.title));
    arrow_.set_visible(!is_mark && !line.uuid.empty());
  }
  updating_ = false;
}

}  // namespace virtsession::window
