// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace virtsession {

/// Keeps a text in a file that may lie on a file system which hangs: a thread writes it, which is there only while
/// there is something to write. The latest text wins. A failure (a full disk) is logged once, and tried again every few
/// seconds until it succeeds. One thread's; the writing thread, when it hangs, is left to end by itself or with the
/// process.
class FileWriter {
 public:
  /// \param written the text that is in the file; empty when there is none
  FileWriter(std::string path, std::string written);
  /// What has not been written is given up.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Has `text` written, if it is not what was written last; an empty one removes the file. Never waits.
  void write(std::string text);
  /// Waits until the last text has been tried; what had failed is tried once more, at once. \return whether it is in
  /// the file
  bool finish(std::chrono::steady_clock::time_point deadline);

 private:
  struct State;
  static void run(State& state);

  std::shared_ptr<State> state_;
};

}  // namespace virtsession
