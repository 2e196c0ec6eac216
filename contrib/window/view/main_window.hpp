// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/supervisor.hpp"
#include "view/doctor_page.hpp"
#include "view/forwards_page.hpp"
#include "view/machine_page.hpp"
#include "view/machines_page.hpp"
#include "view/move_page.hpp"
#include "view/plan_page.hpp"
#include "view/policy_page.hpp"
#include "view/preferences.hpp"
#include "view/shell.hpp"

#include <gtkmm/applicationwindow.h>

#include <memory>
#include <optional>
#include <string>

namespace virtsession::window {

/// The window: the list, the plan and the doctor beside each other, and a VM's pages on top of them.
class MainWindow final : public Shell {
 public:
  /// \param plan_changed is called with the plan for the end of the session, each time it is another
  MainWindow(Gtk::Application& application, std::unique_ptr<Supervisor> supervisor,
             std::function<void(const Plan&)> plan_changed);
  ~MainWindow();

  void present() { window_->present(); }
  void search(const std::string& text);
  void show_page(const std::string& name);
  void show_preferences();
  void show_about();
  /// \return whether nothing would be cut off; else it asks, and closes by itself
  bool may_close();

  Supervisor& supervisor() override { return *supervisor_; }
  GtkWindow* window() override { return GTK_WINDOW(window_->gobj()); }
  void tell(const std::string& text) override;
  void tell(const std::string& text, const std::string& button, std::function<void()> pressed) override;
  void show_machine(const std::string& uuid) override;
  void show_policy(const std::string& uuid, const std::string& key) override;
  void show_forwards(const std::string& uuid) override;
  void show_plan() override { show_page("plan"); }
  void go_back() override;
  void move_ended() override { look_for_cut_off_moves(); }
  void run(Verb verb, const std::string& uuid) override;
  void set_mark(const std::string& uuid, bool marked) override;

 private:
  GtkWidget* build_main();
  GtkWidget* build_header();
  GtkWidget* build_off();
  GtkWidget* build_banner();
  void add_actions();
  void add_vm_action(const std::string& name, std::function<void(const std::string& uuid)> action);
  void update();
  void update_banner();
  void update_switcher();
  void look_for_cut_off_moves();
  void show_over(GtkWidget* page);
  void show_move(const std::string& vm);
  void read_plans();
  void call_verb(Verb verb, const std::string& uuid);
  void ask(const std::string& heading, const std::string& text, const std::string& button, std::function<void()> yes);
  void open_console(const std::string& uuid);
  void open_log(const std::string& uuid);

  std::unique_ptr<Supervisor> supervisor_;
  std::function<void(const Plan&)> plan_changed_;
  std::unique_ptr<Gtk::ApplicationWindow> window_;  // gtkmm deletes no wrapper of a window
  GtkWidget* toasts_ = nullptr;
  GtkWidget* leaflet_ = nullptr;
  GtkWidget* main_ = nullptr;
  GtkWidget* state_ = nullptr;  // the pages, or that virtsessiond is off
  GtkWidget* pages_ = nullptr;
  GtkWidget* switcher_title_ = nullptr;
  GtkWidget* switcher_bar_ = nullptr;
  GtkWidget* choose_ = nullptr;
  GtkWidget* search_ = nullptr;
  GtkWidget* banner_ = nullptr;
  GtkWidget* banner_text_ = nullptr;
  GtkWidget* banner_button_ = nullptr;
  Handler banner_action_;
  std::unique_ptr<MachinesPage> machines_;
  std::unique_ptr<PlanPage> plan_;
  std::unique_ptr<DoctorPage> doctor_;
  std::unique_ptr<MachinePage> machine_;
  std::unique_ptr<PolicyPage> policy_;
  std::unique_ptr<ForwardsPage> forwards_;
  std::unique_ptr<MovePage> move_;
  std::unique_ptr<Preferences> preferences_;
  std::string wanted_machine_;  // to be shown once it is known
  std::string cut_off_;         // a VM whose move was cut off
  guint plan_timer_ = 0;
};

}  // namespace virtsession::window
