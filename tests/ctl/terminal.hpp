// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtsession::test {

/// A program on a terminal of its own (a pty), read and typed to as a person does.
class OnTerminal {
 public:
  explicit OnTerminal(const std::vector<std::string>& arguments, unsigned short columns = 100);
  ~OnTerminal();
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  void type(const std::string& keys);
  /// Waits until the text has appeared after what was waited for before. Fails the test when it does not, or when the
  /// program ends without it.
  void wait_for(const std::string& text);
  /// Waits for the program's end. \return its exit status, or 128 + the signal
  int wait();
  /// Ends it as Ctrl-C does.
  void interrupt() { type("\x03"); }
  /// All that it has shown, with line breaks as the program wrote them.
  std::string screen() const;

 private:
  bool read_more();

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string seen_;
  std::size_t waited_ = 0;
};

}  // namespace virtsession::test
