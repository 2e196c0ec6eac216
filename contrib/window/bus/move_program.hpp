// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtsession::window {

/// virtsession-move, which talks to both libvirts, as a child of this process: the window itself talks to none. A
/// password is asked for by the desktop's own dialog (polkit). Main thread only.
class MoveProgram {
 public:
  /// How a run of it ended.
  struct End {
    bool succeeded = false;
    bool interrupted = false;  ///< by interrupt()
    std::string output;        ///< all lines of its output
    std::string errors;        ///< what it wrote to its standard error, or why it could not be run
  };
  using Line = std::function<void(const std::string& line)>;
  using Ended = std::function<void(const End& end)>;

  MoveProgram() = default;
  /// What runs goes on without this; a move is kept in its journal in any case.
  ~MoveProgram();
  MoveProgram(const MoveProgram&) = delete;
  MoveProgram& operator=(const MoveProgram&) = delete;

  /// Only when none runs. \param line may be empty
  void run(const std::vector<std::string>& words, Line line, Ended ended);
  bool is_running() const { return run_ != nullptr; }
  /// As Ctrl-C does it.
  void interrupt();
  /// What runs is forgotten: nobody hears of its end. For what only looks.
  void forget();

 private:
  struct Run;
  static void read_line(const std::shared_ptr<Run>& run, GDataInputStream* stream, bool is_error);
  static void part_ended(const std::shared_ptr<Run>& run);

  std::shared_ptr<Run> run_;
};

}  // namespace virtsession::window
