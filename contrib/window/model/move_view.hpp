// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What virtsession-move says (virtsession-move(7), --json), as the window shows it.

namespace virtsession::window {

/// A VM of qemu:///system.
struct SystemVm {
  std::string name;
  std::string uuid;
  std::string line;     ///< "Off, starts at boot", in the user's language
  bool is_off = false;  ///< only these are moved
};

/// \param text of virtsession-move --list --json \return nothing when it is none
std::optional<std::vector<SystemVm>> system_vms_of(const std::string& text);

/// One sentence about one thing of the VM, with the command that helps, or none.
struct MoveItem {
  std::string what, text, command;
};

/// A file that goes along.
struct MoveFile {
  std::string title;  ///< "Disk, 2.5 GiB"
  std::string from, to;
};

/// What a move would do.
struct MovePlan {
  std::string name;
  bool to_session = true;
  bool is_copy = false;
  bool starts_by_itself = false;  ///< where it goes: at login, or at boot
  std::uint64_t bytes = 0;
  std::vector<MoveFile> files;
  std::vector<MoveItem> kept, losses, obstacles;

  bool can_be_done() const { return obstacles.empty(); }
};

/// \param text of --dry-run --json \return nothing when it is none
std::optional<MovePlan> move_plan_of(const std::string& text);
/// "“web” moves here, with 2.5 GiB in 3 files. It will start at login."
std::string move_summary(const MovePlan& plan);

/// How far a move is, from the lines that it prints.
class MoveProgress {
 public:
  /// Takes a line over; one that is not understood says nothing.
  void take(const std::string& line);

  /// What is done now, "Copying disk web.qcow2"
  const std::string& step() const { return step_; }
  /// "1.5 GiB of 2.5 GiB"; empty before and after files are copied
  std::string amount() const;
  /// From 0 to 1 of the bytes.
  double fraction() const;
  /// Where the VM is, when the move has come to its end: qemu:///session ...; empty before.
  const std::string& arrived_in() const { return arrived_in_; }
  /// Whether it was taken back.
  bool is_undone() const { return undone_; }
  /// A folder with state of an earlier stay; mostly empty.
  const std::string& kept() const { return kept_; }
  /// The command that deletes what is left where the VM was; may be empty.
  const std::string& delete_command() const { return delete_; }

 private:
  std::string step_, arrived_in_, kept_, delete_;
  std::uint64_t sent_ = 0, total_ = 0;
  bool undone_ = false;
};

/// Why a program failed, from its standard error: the sentence, and the lines that say what to do.
struct MoveFailure {
  std::string text;
  std::string hint;
};
MoveFailure move_failure_of(const std::string& standard_error);

/// The words for virtsession-move.
/// @{
std::vector<std::string> list_words();
std::vector<std::string> plan_words(const std::string& vm, bool to_session, bool copy);
std::vector<std::string> move_words(const std::string& vm, bool to_session, bool copy);
std::vector<std::string> resume_words(const std::string& vm);
std::vector<std::string> undo_words(const std::string& vm);
/// @}

}  // namespace virtsession::window
