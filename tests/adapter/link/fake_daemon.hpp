// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace virtsession::test {

/// A process of the given name that locks a file as libvirt's daemons do: a copy of this test program, which acts it.
class FakeDaemon {
 public:
  struct Options {
    bool ignores_sigterm = false;
    std::string log = {};  ///< a file that it keeps open until it is sent SIGUSR1
  };

  /// Returns when the lock is held. \param folder for the program's file; \param lock the file, made with its folders
  FakeDaemon(const std::filesystem::path& folder, const std::string& name, const std::filesystem::path& lock)
      : FakeDaemon(folder, name, lock, Options()) {}
  FakeDaemon(const std::filesystem::path& folder, const std::string& name, const std::filesystem::path& lock,
             const Options& options);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  pid_t pid() const { return pid_; }
  /// Makes it close its log, and returns when it has.
  void close_log() const;
  bool has_ended() const;
  /// Waits for its end. \return the signal that ended it
  int wait();

 private:
  void expect_word() const;

  pid_t pid_ = 0;
  int words_ = -1;  // one byte for each thing that is done
};

}  // namespace virtsession::test
