// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/machines_page.hpp"

#include "model/move_view.hpp"
#include "texts/translate.hpp"
#include "view/widgets.hpp"

#include <gtkmm/noselection.h>
#include <gtkmm/signallistitemfactory.h>

#include <algorithm>

namespace virtsession::window {
namespace {

using namespace texts;

constexpr const char* kVirtInstall =
    "virt-install --connect qemu:///session --name web --memory 2048 --disk size=10 "
    "--osinfo detect=on,require=off --cdrom FILE.iso";

std::string how_to_make_one() {
  return _(
      "Make one with GNOME Boxes, with virt-manager (a connection “QEMU/KVM user session”), or in a terminal. It "
      "is shown here at once.");
}

/// \param move_here receives the button that leads to the system's VMs, hidden
GtkWidget* empty_page(Shell& shell, GtkWidget** move_here) {
  GtkWidget* const column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 24);
  *move_here = pill(_("Move Here…"), [column] { gtk_widget_activate_action(column, "win.move-here", nullptr); });
  gtk_widget_add_css_class(*move_here, "suggested-action");
  gtk_widget_set_visible(*move_here, FALSE);
  GtkWidget* const commands = group("");
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(commands),
                            command_row(kVirtInstall, [&shell](const std::string& text) { shell.tell(text); }));
  for (GtkWidget* const child : {*move_here, commands}) gtk_box_append(GTK_BOX(column), child);
  GtkWidget* const clamp = adw_clamp_new();
  adw_clamp_set_child(ADW_CLAMP(clamp), column);
  return status_page("org.virtsession.Window-symbolic", _("No Virtual Machines Yet"), how_to_make_one(), clamp);
}

}  // namespace

MachinesPage::MachinesPage(Shell& shell) : shell_(shell) {
  search_bar_.set_child(search_entry_);
  // gtkmm 4.8 takes it for a GtkEntry, which it is not.
  g_object_set(search_entry_.gobj(), "placeholder-text", _("Search machines"), nullptr);
  set_name(GTK_WIDGET(search_entry_.gobj()), _("Search machines"));
  search_bar_.connect_entry(search_entry_);
  search_entry_.signal_search_changed().connect([this] { update(); });
  box_.append(search_bar_);
  build_list();
  empty_ = empty_page(shell, &move_here_);
  stack_.add(*Glib::wrap(empty_), "empty");
  stack_.add(
      *Glib::wrap(status_page("edit-find-symbolic", _("Nothing Found"), _("No machine has these words in its name"))),
      "nothing");
  hide_unshown_pages(GTK_WIDGET(stack_.gobj()));
  stack_.set_vexpand(true);
  box_.append(stack_);
  build_bars();
}

void MachinesPage::build_list() {
  const auto factory = Gtk::SignalListItemFactory::create();
  factory->signal_setup().connect([this](const Glib::RefPtr<Gtk::ListItem>& item) {
    item->set_child(*Gtk::make_managed<MachineRow>(shell_, choice_));
    activate_on_click(item->gobj());
  });
  factory->signal_bind().connect([](const Glib::RefPtr<Gtk::ListItem>& item) {
    const auto entry = std::dynamic_pointer_cast<EntryItem>(item->get_item());
    item->set_activatable(!entry->line().is_title);
    dynamic_cast<MachineRow*>(item->get_child())->show(entry);
  });
  factory->signal_unbind().connect(
      [](const Glib::RefPtr<Gtk::ListItem>& item) { dynamic_cast<MachineRow*>(item->get_child())->forget(); });
  list_.set_model(Gtk::NoSelection::create(lines_.model()));
  list_.set_factory(factory);
  list_.signal_activate().connect([this](guint position) { activate(position); });
  set_name(GTK_WIDGET(list_.gobj()), _("Machines"));
  stack_.add(*Glib::wrap(scrolled_list(GTK_WIDGET(list_.gobj()))), "list");
}

void MachinesPage::build_bars() {
  chosen_bar_.pack_start(chosen_count_);
  for (const auto verb : {Verb::save, Verb::shutdown, Verb::start}) {
    auto* const button = Gtk::make_managed<Gtk::Button>(verb_text(verb));
    button->signal_clicked().connect([this, verb] { run_on_chosen(verb); });
    chosen_buttons_.push_back(button);
    chosen_bar_.pack_end(*button);
  }
  chosen_bar_.set_revealed(false);
  chosen_bar_.set_visible(false);
  choice_.changed.connect([this] {
    const auto number = choice_.uuids.size();
    chosen_count_.set_text(filled(ngettext_("{} selected", "{} selected", number), number));
    for (auto* const button : chosen_buttons_) button->set_sensitive(number > 0);
  });
  box_.append(chosen_bar_);

  foot_text_.set_ellipsize(Pango::EllipsizeMode::END);
  foot_text_.add_css_class("caption");
  foot_.set_child(foot_text_);
  foot_.add_css_class("flat");
  foot_.add_css_class("foot");
  foot_.set_tooltip_text(_("Show the Plan"));
  foot_.signal_clicked().connect([this] { shell_.show_plan(); });
  box_.append(foot_);
}

void MachinesPage::update() {
  auto& supervisor = shell_.supervisor();
  std::vector<MachineView> machines;
  for (const auto& vm : supervisor.vms()) machines.push_back(view_of(vm, supervisor.libvirt_ready()));
  lines_.set(list_of(machines, search_entry_.get_text(), sort_));
  const bool is_empty = machines.empty() && supervisor.libvirt_ready();
  if (is_empty && !was_empty_) look_at_system();
  was_empty_ = is_empty;
  stack_.set_visible_child(is_empty ? "empty" : lines_.lines().empty() && !machines.empty() ? "nothing" : "list");
  foot_.set_visible(!machines.empty() && !choice_.on);
  set_plan(plan_);
}

/// Somebody without a VM here may have them where virt-manager makes them.
void MachinesPage::look_at_system() {
  if (system_.is_running()) return;
  system_.run(list_words(), {}, [this](const MoveProgram::End& end) {
    const auto vms = end.succeeded ? system_vms_of(end.output) : std::nullopt;
    const auto number = vms ? vms->size() : 0;
    gtk_widget_set_visible(move_here_, number > 0);
    const auto found = filled(ngettext_("The system has {} machine, which can move here.",
                                        "The system has {} machines, which can move here.", number),
                              number);
    set_status(empty_, _("No Virtual Machines Yet"), number > 0 ? found + " " + how_to_make_one() : how_to_make_one());
  });
}

void MachinesPage::set_plan(const Plan& plan) {
  plan_ = plan;
  const std::chrono::microseconds budget(shell_.supervisor().manager().number("StopBudgetUSec"));
  const auto text = logout_text(plan_, stop_bound(plan_, shell_.supervisor().vms(), budget));
  foot_text_.set_text(text);
  set_name(GTK_WIDGET(foot_.gobj()), text);
}

void MachinesPage::search(const std::string& text) {
  search_bar_.set_search_mode(true);
  search_entry_.set_text(text);
  search_entry_.grab_focus();
  update();
}

void MachinesPage::set_choosing(bool on) {
  choice_.on = on;
  choice_.uuids.clear();
  chosen_bar_.set_revealed(on);
  chosen_bar_.set_visible(on);
  choice_.changed.emit();
  update();
}

void MachinesPage::set_sort(SortBy sort) {
  sort_ = sort;
  update();
}

void MachinesPage::run_on_chosen(Verb verb) {
  for (const auto& uuid : choice_.uuids) {
    const auto* const vm = shell_.supervisor().find(uuid);
    if (vm && can(*vm, verb)) shell_.run(verb, uuid);
  }
}

void MachinesPage::activate(guint position) {
  const auto& entry = lines_.model()->get_item(position)->line();
  if (entry.is_title) return;
  const auto uuid = entry.machine.uuid;
  if (!choice_.on) return shell_.show_machine(uuid);
  if (choice_.uuids.erase(uuid) == 0) choice_.uuids.insert(uuid);
  choice_.changed.emit();
}

}  // namespace virtsession::window
