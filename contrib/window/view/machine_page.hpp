// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/scope_usage.hpp"
#include "view/network_rows.hpp"
#include "view/shell.hpp"
#include "view/widgets.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// One VM: how it is and why, what to do, what it uses, and what became of it.
class MachinePage {
 public:
  explicit MachinePage(Shell& shell);
  ~MachinePage();
  MachinePage(const MachinePage&) = delete;
  MachinePage& operator=(const MachinePage&) = delete;

  GtkWidget* widget() { return box_; }
  const std::string& uuid() const { return uuid_; }
  void open(const std::string& uuid);
  /// Takes over what virtsessiond says now; leaves the page when the VM is gone.
  void update();
  /// Reads what the VM uses while somebody sees it.
  void set_visible(bool visible);

 private:
  struct Change {
    std::uint64_t when = 0;
    std::string phase, reason, cause;
    bool operator==(const Change&) const = default;
  };

  void build_header();
  void build_status(GtkWidget* column);
  void build_facts(GtkWidget* column);
  void update_header(const VmInfo& vm);
  void update_menu(const VmInfo& vm);
  void update_status(const VmInfo& vm);
  void update_cure(const VmInfo& vm);
  void update_facts(const VmInfo& vm);
  void update_usage();
  void read_history();
  void show_history(const std::vector<Change>& changes);

  Shell& shell_;
  std::string uuid_;
  std::string shown_;  // of what the lists show, to make them again only when it has changed
  std::vector<Change> changes_;
  bool updating_ = false;
  bool visible_ = false;
  guint timer_ = 0;
  unsigned looks_ = 0;
  ScopeUsage usage_;
  NetworkRows network_;

  GtkWidget* box_ = nullptr;
  GtkWidget* title_ = nullptr;
  GtkWidget* verb_ = nullptr;
  GtkWidget* menu_ = nullptr;
  GtkWidget* icon_ = nullptr;
  GtkWidget* word_ = nullptr;
  GtkWidget* reason_ = nullptr;
  GtkWidget* again_ = nullptr;
  GtkWidget* mark_ = nullptr;
  GtkWidget* policy_ = nullptr;
  GtkWidget* uptime_ = nullptr;
  GtkWidget* memory_ = nullptr;
  GtkWidget* processor_ = nullptr;
  GtkWidget* now_ = nullptr;
  std::unique_ptr<Rows> cure_, history_;
};

}  // namespace virtsession::window
