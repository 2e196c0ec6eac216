// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/machine_row.hpp"

#include "model/time_text.hpp"
#include "texts/translate.hpp"
#include "view/widgets.hpp"

#include <array>

namespace virtsession::window {
namespace {

using namespace texts;

constexpr std::array kTones{Tone::good, Tone::attention, Tone::bad, Tone::faint};

void append(GMenu* menu, const std::string& text, const std::string& action, const std::string& uuid) {
  GMenuItem* const item = g_menu_item_new(text.c_str(), nullptr);
  g_menu_item_set_action_and_target(item, action.c_str(), "s", uuid.c_str());
  g_menu_append_item(menu, item);
  g_object_unref(item);
}

void append_section(GMenu* menu, GMenu* section) {
  g_menu_append_section(menu, nullptr, G_MENU_MODEL(section));
  g_object_unref(section);
}

void set_accessible_name(Gtk::Widget& widget, const std::string& name) {
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_PROPERTY_LABEL, name.c_str(), -1);
}

}  // namespace

const char* tone_class(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "success";
    case Tone::attention:
      return "accent";
    case Tone::bad:
      return "error";
    case Tone::faint:
      return "dim-label";
  }
  return "";
}

std::string machine_line(const MachineView& machine) {
  auto text = machine.word;
  if (machine.since != 0)
    text = filled(_("{} since {}"), text, moment_text(machine.since, static_cast<std::uint64_t>(g_get_real_time())));
  for (const auto& more : {machine.reason, machine.forwards})
    if (!more.empty()) text += " · " + more;
  return text;
}

GMenuModel* machine_menu(const VmInfo& vm) {
  const auto uuid = vm.uuid();
  GMenu* const menu = g_menu_new();
  GMenu* const verbs = g_menu_new();
  for (const auto verb : kVerbs)
    if (can(vm, verb)) append(verbs, verb_text(verb), std::string("win.vm-") + verb_id(verb), uuid);
  append_section(menu, verbs);
  GMenu* const look = g_menu_new();
  if (vm.is_active()) append(look, _("Open Console"), "win.vm-console", uuid);
  append(look, _("Policy"), "win.vm-policy", uuid);
  append(look, _("Log"), "win.vm-log", uuid);
  if (!vm.is_active() && vm.flag("Persistent")) append(look, _("Move to the System…"), "win.vm-move", uuid);
  append_section(menu, look);
  return G_MENU_MODEL(menu);
}

MachineRow::MachineRow(Shell& shell, Choice& choice)
    : Gtk::Box(Gtk::Orientation::VERTICAL), shell_(shell), choice_(choice) {
  build();
  check_.signal_toggled().connect([this] {
    if (updating_ || !item_) return;
    const auto& uuid = item_->line().machine.uuid;
    if (check_.get_active())
      choice_.uuids.insert(uuid);
    else
      choice_.uuids.erase(uuid);
    choice_.changed.emit();
  });
  mark_.signal_toggled().connect([this] {
    if (!updating_ && item_) shell_.set_mark(item_->line().machine.uuid, mark_.get_active());
  });
  verb_.signal_clicked().connect([this] {
    const auto* const vm = item_ ? shell_.supervisor().find(item_->line().machine.uuid) : nullptr;
    if (vm && has_main_verb(*vm)) shell_.run(main_verb(*vm), vm->uuid());
  });
  more_.set_create_popup_func([this] { fill_menu(); });
}

void MachineRow::build() {
  heading_.set_xalign(0);
  heading_.add_css_class("heading");
  heading_.set_margin_top(18);
  heading_.set_margin_bottom(8);
  append(heading_);

  line_.add_css_class("machine-line");
  check_.set_valign(Gtk::Align::CENTER);
  icon_.set_pixel_size(16);
  for (auto* const label : {&name_, &reason_}) {
    label->set_xalign(0);
    label->set_ellipsize(Pango::EllipsizeMode::END);
    texts_.append(*label);
  }
  reason_.add_css_class("caption");
  reason_.add_css_class("dim-label");
  texts_.set_hexpand(true);
  texts_.set_valign(Gtk::Align::CENTER);
  mark_.set_icon_name("view-pin-symbolic");
  more_.set_icon_name("view-more-symbolic");
  more_.set_tooltip_text(_("More"));
  more_.set_has_frame(false);
  for (Gtk::Button* const button : std::initializer_list<Gtk::Button*>{&mark_, &verb_}) button->add_css_class("flat");
  line_.append(check_);
  line_.append(icon_);
  line_.append(texts_);
  auto* const buttons = Gtk::make_managed<Gtk::Box>();
  for (Gtk::Widget* const button : std::initializer_list<Gtk::Widget*>{&mark_, &verb_, &more_}) {
    button->set_valign(Gtk::Align::CENTER);
    buttons->append(*button);
  }
  line_.append(*buttons);
  append(line_);
}

void MachineRow::show(const Glib::RefPtr<EntryItem>& item) {
  item_ = item;
  changed_ = item_->changed.connect([this] { update(); });
  choice_changed_ = choice_.changed.connect([this] { update(); });
  update();
}

void MachineRow::forget() {
  more_.popdown();
  changed_.disconnect();
  choice_changed_.disconnect();
  item_.reset();
}

void MachineRow::update() {
  updating_ = true;
  const auto& entry = item_->line();
  heading_.set_visible(entry.is_title);
  line_.set_visible(!entry.is_title);
  if (auto* const row = get_parent()) show_in_card(GTK_WIDGET(row->gobj()), !entry.is_title, entry.first, entry.last);
  entry.is_title ? update_title(entry) : update_machine(entry.machine);
  updating_ = false;
}

void MachineRow::update_title(const Entry& entry) {
  heading_.set_text(entry.text);
  if (auto* const row = get_parent()) set_accessible_name(*row, entry.text);
}

void MachineRow::update_machine(const MachineView& machine) {
  line_.set_opacity(machine.dimmed ? 0.5 : 1);
  check_.set_visible(choice_.on);
  check_.set_active(choice_.uuids.contains(machine.uuid));
  set_accessible_name(check_, filled(_("Select {}"), machine.name));
  icon_.set_from_icon_name(machine.icon);
  for (const auto tone : kTones) icon_.remove_css_class(tone_class(tone));
  icon_.add_css_class(tone_class(machine.tone));
  name_.set_text(machine.title.empty() ? machine.name : machine.name + " – " + machine.title);
  const auto line = machine_line(machine);
  reason_.set_text(line);
  reason_.set_tooltip_text(machine.reason);
  mark_.set_active(machine.marked);
  mark_.set_visible(!choice_.on && machine.can_be_marked);
  mark_.set_tooltip_text(machine.marked ? _("Starts at Login") : _("Does Not Start at Login"));
  set_accessible_name(mark_, filled(_("Start {} at login"), machine.name));
  verb_.set_visible(!choice_.on);
  verb_.set_sensitive(machine.has_verb && !machine.dimmed);
  verb_.set_icon_name(verb_icon(machine.verb));
  verb_.set_tooltip_text(verb_text(machine.verb));
  set_accessible_name(verb_, verb_text(machine.verb) + " " + machine.name);
  more_.set_visible(!choice_.on);
  name_menu_button(GTK_WIDGET(more_.gobj()), filled(_("More about {}"), machine.name));
  if (auto* const row = get_parent()) set_accessible_name(*row, machine.name + ", " + line);
}

/// At each opening anew: what can be done with a VM changes, and most menus are never opened.
void MachineRow::fill_menu() {
  const auto* const vm = item_ ? shell_.supervisor().find(item_->line().machine.uuid) : nullptr;
  GMenuModel* const menu = vm ? machine_menu(*vm) : nullptr;
  gtk_menu_button_set_menu_model(more_.gobj(), menu);
  if (menu) g_object_unref(menu);
}

}  // namespace virtsession::window
