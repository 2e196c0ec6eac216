// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/thread_mail.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace virtsession {

/// The last words of a libvirt daemon that does not come up, from the journal: read by a thread, since the disk may
/// hang, and again every few seconds while they are wanted. Main loop's thread.
class DaemonWords {
 public:
  /// From any thread; blocks. \param unit "virtsession-libvirtd.service" \param since what is older is another story
  using Read = std::function<std::string(const std::string& unit, std::chrono::system_clock::time_point since)>;

  /// \param changed text() is another one now
  DaemonWords(EventLoop& loop, Read read, std::function<void()> changed);

  /// The daemon of this unit is away: it is asked what it said since. Nothing, when that is so already.
  void want(const std::string& unit);
  /// It is there, or nobody asks for it.
  void forget();
  /// Empty while there are none.
  const std::string& text() const { return text_; }

 private:
  void read();

  Read read_;
  std::function<void()> changed_;
  ThreadMail mail_;
  Timer again_;
  std::string unit_;  ///< empty: nothing is wanted
  std::chrono::system_clock::time_point since_;
  bool was_there_ = false;
  std::string text_;
  unsigned question_ = 0;  ///< an answer to an earlier one is none
  bool reading_ = false;
};

}  // namespace virtsession
