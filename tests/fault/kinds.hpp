// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <functional>
#include <string>
#include <vector>

namespace virtsession::test {

/// How the runs of one guest ended.
struct KindEnds {
  int runs = 0, shut_down = 0, saved = 0, powered_off = 0, killed = 0;
  double longest_sec = 0;  ///< from the begin of the stop of all until it was off
};

/// Ten guests, each of another kind, that a session ends with again and again.
class Kinds {
 public:
  /// Defines them; the user is logged in.
  explicit Kinds(Desktop& desktop);

  /// Before a login: what a reboot has taken away is there again.
  void before_login();
  /// After a login: waits until each is what it is named after. \param wait called when all but the one that boots are
  void prepare(const std::function<void()>& wait);
  /// After the end of a session: looks how each has ended.
  void count();

  /// A row for each of the kinds. \param title of the first column
  void print(const std::string& title) const;
  /// Those that were neither shut down nor saved, in words.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Kind {
    std::string what;
    Guest guest;
    KindEnds ends{};
    std::size_t power_downs = 0;  ///< on its console before this run
    std::size_t destroyed = 0;    ///< in libvirt's log
  };

  void add(std::string what, Guest guest, bool marked = true);
  const Guest& guest(const std::string& name) const;
  void put_to_sleep();
  void pause();
  std::size_t destroyed(const Guest& guest) const;
  void count(Kind& kind, const std::string& said);

  Desktop& desktop_;
  std::vector<Kind> kinds_;
  std::vector<std::string> problems_;
  int never_woke_ = 0;  ///< the one that sleeps, when it was to
};

}  // namespace virtsession::test
