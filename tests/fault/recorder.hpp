// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fault/processes.hpp"
#include "fault/session_bus.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession::test {

/// How the runs of a VM's QEMU ended.
struct Ends {
  int runs = 0, shut_down = 0, saved = 0, powered_off = 0;
  int cut_off = 0;  ///< libvirt's daemon was killed in the middle of a start, and the next one has ended that
  int unseen = 0;   ///< it had no console any more to say how
  int killed = 0;   ///< or gone, and nobody wanted that

  Ends& operator+=(const Ends& other);
};

/// What is wanted of a VM when nothing is under way any more.
enum class Wanted { up, down };

/// Compares, at every step of a test that does harm, what is so with what is said and what is wanted: processes and
/// their cgroups, libvirt's list, virtsessiond's D-Bus, and the policies. What it finds wrong it keeps, with the steps
/// that led there.
class Recorder {
 public:
  /// What is promised for D-Bus once virtsessiond and libvirt's daemon answer again.
  static constexpr std::chrono::seconds kTrueWithin{2};

  Recorder(Desktop& desktop, SessionBus& bus) : desktop_(desktop), bus_(bus) {}

  /// \param shuts_down its guest obeys, so that nothing but a shutdown or a save is a good end
  void watch(const Guest& guest, bool shuts_down);
  /// A step of the test.
  void note(const std::string& step);
  /// Until it is said otherwise, VMs may end: somebody wants them to.
  void allow_ends(bool allowed) { ends_allowed_ = allowed; }
  /// The log daemon is gone, and with it what guests say on their consoles from now on.
  void lose_consoles();

  /// At processes alone, which takes no time: is a QEMU there twice, or gone that nobody has stopped?
  void look();
  /// Waits until virtsessiond and libvirt answer, and then for D-Bus to be true within its time.
  void expect_truth();
  /// Waits until all is as wanted, and stays: D-Bus says so, too, and no VM is on its way.
  void expect(Wanted wanted, std::chrono::seconds limit);
  /// The user is logged out: nothing of theirs runs any more.
  void expect_nothing();

  const std::vector<std::string>& problems() const { return problems_; }
  /// The last steps, for a failure.
  std::string steps() const;
  Ends ends() const;
  Ends ends_of(const std::string& name) const { return watched_.at(name).ends; }
  /// How often the user manager of systemd itself did not answer: 252 waits for a bus that only it could start.
  int manager_hangs() const { return manager_hangs_; }
  double last_until_true() const { return last_; }
  double longest_until_true() const { return longest_; }
  int comparisons() const { return comparisons_; }

 private:
  struct Watched {
    const Guest* guest;
    bool shuts_down;
    pid_t pid = 0;                 ///< of its QEMU; 0: it does not run
    bool started = false;          ///< libvirt has brought it up, and the next daemon finds it
    std::size_t console_from = 0;  ///< where this run begins on its console
    bool console_lost = false;
    Ends ends = {};
  };

  void problem(const std::string& text);
  void ended(const std::string& name, Watched& vm);
  /// What virtsessiond says otherwise than libvirt and the processes do; empty: it is true. Nothing at all: one of the
  /// two is not there to be asked, and virtsessiond does not say that libvirt is.
  std::optional<std::vector<std::string>> differences();
  bool manager_answers();
  bool has_started(const std::string& name);
  /// \return whether they did
  bool wait_until_answered();

  Desktop& desktop_;
  SessionBus& bus_;
  std::map<std::string, Watched> watched_;
  bool ends_allowed_ = true;
  std::chrono::steady_clock::time_point consoles_lost_until_{};  ///< of the QEMUs that are first seen by then
  std::vector<std::string> steps_;
  std::vector<std::string> problems_;
  double last_ = 0, longest_ = 0;
  int comparisons_ = 0;
  int manager_hangs_ = 0;
};

}  // namespace virtsession::test
