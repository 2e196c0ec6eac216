// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/machine_list.hpp"
#include "view/line_store.hpp"
#include "view/shell.hpp"

#include <gtkmm/box.h>
#include <gtkmm/button.h>
#include <gtkmm/checkbutton.h>
#include <gtkmm/image.h>
#include <gtkmm/label.h>
#include <gtkmm/menubutton.h>
#include <gtkmm/togglebutton.h>

#include <set>

namespace virtsession::window {

using EntryItem = LineItem<Entry>;

/// Which VMs are chosen, while several are.
struct Choice {
  bool on = false;
  std::set<std::string> uuids;
  sigc::signal<void()> changed;
};

/// The widget of one line. The list uses it for one line after another.
class MachineRow : public Gtk::Box {
 public:
  MachineRow(Shell& shell, Choice& choice);

  void show(const Glib::RefPtr<EntryItem>& item);
  void forget();

 private:
  void build();
  void update();
  void update_title(const Entry& entry);
  void update_machine(const MachineView& machine);
  void fill_menu();

  Shell& shell_;
  Choice& choice_;
  Glib::RefPtr<EntryItem> item_;
  sigc::connection changed_, choice_changed_;
  bool updating_ = false;

  Gtk::Label heading_;
  Gtk::Box line_{Gtk::Orientation::HORIZONTAL, 12};
  Gtk::CheckButton check_;
  Gtk::Image icon_;
  Gtk::Box texts_{Gtk::Orientation::VERTICAL, 2};
  Gtk::Label name_, reason_;
  Gtk::ToggleButton mark_;
  Gtk::Button verb_;
  Gtk::MenuButton more_;
};

/// The menu of a VM: the verbs that can be used now, and what there is to see. A new reference.
GMenuModel* machine_menu(const VmInfo& vm);

/// "Running since 14:05 · QEMU crashed": a VM's second line.
std::string machine_line(const MachineView& machine);

const char* tone_class(Tone tone);

}  // namespace virtsession::window
