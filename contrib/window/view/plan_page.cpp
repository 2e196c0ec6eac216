// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/plan_page.hpp"

#include "texts/translate.hpp"
#include "view/widgets.hpp"

#include <gtkmm/noselection.h>
#include <gtkmm/signallistitemfactory.h>

namespace virtsession::window {

using namespace texts;

PlanPage::PlanPage(Shell& shell) : shell_(shell) {
  const auto factory = Gtk::SignalListItemFactory::create();
  factory->signal_setup().connect([this](const Glib::RefPtr<Gtk::ListItem>& item) {
    item->set_child(*Gtk::make_managed<PlanRow>(shell_, [this](const PlanLine& heading) { run(heading); }));
    activate_on_click(item->gobj());
  });
  factory->signal_bind().connect([](const Glib::RefPtr<Gtk::ListItem>& item) {
    const auto line = std::dynamic_pointer_cast<PlanItem>(item->get_item());
    item->set_activatable(!line->line().uuid.empty());
    dynamic_cast<PlanRow*>(item->get_child())->show(line);
  });
  factory->signal_unbind().connect(
      [](const Glib::RefPtr<Gtk::ListItem>& item) { dynamic_cast<PlanRow*>(item->get_child())->forget(); });
  list_.set_model(Gtk::NoSelection::create(lines_.model()));
  list_.set_factory(factory);
  list_.signal_activate().connect([this](guint position) {
    const auto line = lines_.model()->get_item(position)->line();
    if (line.kind == PlanLine::Kind::mark)
      shell_.set_mark(line.uuid, true);
    else if (!line.uuid.empty())
      shell_.show_policy(line.uuid, line.policy_key);
  });
  set_name(GTK_WIDGET(list_.gobj()), _("Plan"));
  widget_ = scrolled_list(GTK_WIDGET(list_.gobj()));
  connect(widget_, "map", [this] { update(); });
}

void PlanPage::set_start(const Plan& plan) {
  start_ = plan;
  update();
}

void PlanPage::set_stop(const Plan& plan) {
  stop_ = plan;
  update();
}

/// Rows for hundreds of VMs take their time, so only a page that is seen has any.
void PlanPage::update() {
  if (!gtk_widget_get_mapped(widget_)) return;
  const auto& supervisor = shell_.supervisor();
  lines_.set(plan_lines(start_, stop_, supervisor.vms(),
                        std::chrono::microseconds(supervisor.manager().number("StopBudgetUSec"))));
}

void PlanPage::run(const PlanLine& heading) {
  if (!heading.is_start) {
    gtk_widget_activate_action(widget_, "win.stop-all", nullptr);
    return;
  }
  shell_.supervisor().call_manager("Autostart", nullptr, [this](GVariant*, const CallError& error) {
    if (error) shell_.tell(error.text);
  });
}

}  // namespace virtsession::window
