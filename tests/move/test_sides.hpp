// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "mover.hpp"
#include "support/temporary_folder.hpp"

#include <memory>
#include <string>

namespace virtsession::test {

/// A VM that moves from the system to the session, between two of libvirt's own test drivers: these have definitions,
/// marks and states, and open no files. The files are real ones, in a folder of this object.
class TestSides {
 public:
  static constexpr const char* kUuid = "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa";

  TestSides();

  /// A path in the folder.
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  /// Writes a file in the folder. \return its path
  std::string write(const std::string& name, const std::string& text) const;
  /// A file's text, or "(none)".
  static std::string text(const std::string& path);

  /// Defines the VM "web" with one raw disk, or another VM.
  void define(move::SideAccess& side, const std::string& disk, const std::string& name = "web",
              const std::string& uuid = kUuid) const;
  /// The record of a move of the VM, whose disk is the file "from", to the file "to"; the source is defined.
  move::Record record_of_move();

  DomainPtr source_vm() { return source->find_uuid(kUuid).value(); }
  DomainPtr target_vm() { return target->find_uuid(kUuid).value(); }
  move::Journals& journals() { return *journals_; }
  move::Mover mover(move::Record& record);

 private:
  TemporaryFolder folder_;
  std::unique_ptr<move::Journals> journals_;

 public:
  std::unique_ptr<move::SideAccess> source, target;
};

}  // namespace virtsession::test
