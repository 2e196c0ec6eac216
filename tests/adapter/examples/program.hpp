// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_fd.hpp"

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace virtsession::test {

/// A program that runs beside the test: what it prints is read as it comes. It is killed with the object, or if the
/// test dies.
class Program {
 public:
  /// \param environment "NAME=VALUE" to add or replace. \throws std::system_error
  Program(const std::vector<std::string>& command, const std::vector<std::string>& environment);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Reads what it prints, standard error too, until all of it so far is as wanted. Fails the test after a minute, or
  /// when the program ends before.
  void wait_for(const std::string& what, const std::function<bool(const std::string& printed)>& wanted);
  /// The same: until it has printed `text`.
  void wait_for(const std::string& text);
  /// Reads until it ends. \return its exit status, or 128 + the signal that ended it
  int wait();
  void signal(int number) const;
  const std::string& printed() const { return printed_; }

 private:
  bool read_some();

  pid_t pid_ = -1;
  UniqueFd output_;
  std::string printed_;
};

}  // namespace virtsession::test
