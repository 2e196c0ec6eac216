// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "files.hpp"
#include "plan.hpp"
#include "util/unique_fd.hpp"

#include <string>
#include <vector>

// At no moment both or none. A move is written down before its first byte, in $XDG_STATE_HOME/virtsession/move/UUID/
// journal.json (fsync'ed, replaced as a whole). The whole rule of what a killed move leaves:
//
//   phase     the valid VM   what may lie about                           --resume          --undo
//   arriving  the source     files and a definition of the target that    does the rest     removes them, puts back
//                            are marked as arriving                                         what was replaced
//   arrived   the target     the source's definition, marked as leaving   removes it        defines the source again,
//                                                                                           then as above
//   (none)    the target     nothing
//
//   - The source is marked (metadata https://virtsession.org/move/1: "leaving") and its autostart flag taken away
//   first;
//     the target is defined with the mark ("arriving") and without the flag. What is marked is started by nobody.
//   - The phase becomes "arrived" when every file was compared with what was sent, QEMU has opened the target (started
//     paused, and stopped), and the source did not run or change meanwhile. That one write is the moment of the move.
//   - Each step may be done again: what is there already is seen, what was begun is begun again. What is written down
//   as
//     done is on the disk, and is compared once more when a killed move goes on.
//   - A file is written down as begun before it exists, and as created before there is anything in it. So it is known
//     which file of a name is ours, and no other is ever removed.
//   - QEMU that opens a TPM changes its state; the guest has not run, and the state that the source had is put there
//   once
//     more. In the system the first start makes the folder, whose owner is then known.
//   - What was at a place that libvirt has for this VM alone (NVRAM, TPM) is kept below the journal's folder. It goes
//     after the journal, which needs it until then. What was not there before is removed when the move is taken back:
//     QEMU that opens a VM which was never started makes it.
//   - QEMU that opens the target has a mark of its own ("opening"), which the definition never has: only this program
//     starts it so. libvirt ends it when the program is killed, or the next start of this program does. A guest that
//     runs there, or was started from the definition, was started by somebody, and is never ended.
//   - An undo from "arrived" is refused when the target has run, or when that cannot be told: the newer state would be
//     lost. The source's definition is removed only while it is marked and its files are as they were.
//   - The source's files are never deleted; the command that deletes them is printed at the end.

namespace virtsession::move {

enum class Phase { arriving, arrived };

enum class FileState {
  none,     ///< not begun: nothing of ours is there
  begun,    ///< about to be created: what a kill at that moment leaves may be there
  created,  ///< it is ours; how far it is, is not known
  done,     ///< it is there, and was compared
};

struct FileProgress {
  FileState state = FileState::none;
  std::uint64_t hash = 0;
  std::string kept{};  ///< a copy of what was there before, in the journal's folder; empty for none
  Ownership owner{};   ///< of what was there before
};

struct Record {
  Phase phase = Phase::arriving;
  Request request;
  Plan plan;
  std::string source_uuid;
  std::string source_xml;
  std::vector<Snapshot> source_snapshots;
  std::vector<Snapshot> source_checkpoints;
  bool source_autostart = false;
  bool nvram_was_there = false;      ///< firmware variables at the target, from an earlier stay
  bool tpm_was_there = false;        ///< the same of the TPM's folder
  std::vector<FileProgress> files;   ///< one for each of the plan's
  std::vector<std::string> arrived;  ///< when each was written to last, at that moment
  std::vector<std::string> named;    ///< the files that the target's definition named then
};

/// The folder of journals of this user. Only one program at a time moves anything: it holds the lock. A journal that is
/// there while nobody holds it is of a move that was cut off; virtsessionctl status tells of these.
class Journals {
 public:
  /// \return `busy` when another program holds the lock
  static Result<Journals> open(const std::string& state_home);

  std::string folder_of(const std::string& uuid) const { return folder_ + "/" + uuid; }
  /// A path in that folder for a copy of a file, where nothing is.
  std::string free_name(const std::string& uuid, const std::string& name) const;
  /// Nothing when there is none; `operation_failed` with its path when there is one that cannot be used.
  Result<std::optional<Record>> load(const std::string& uuid) const;
  /// Of the VM with that name or uuid.
  Result<std::optional<Record>> find(const std::string& vm) const;
  /// Durable when it returns.
  Result<void> save(const Record& record) const;
  /// The move is over: the journal goes, and then, when that is durable, files of its folder that nobody needs any
  /// more. \return the folder, when something is still in it; or empty
  Result<std::string> close(const Record& record, const std::vector<std::string>& not_needed) const;

 private:
  Journals(std::string folder, UniqueFd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}

  std::string folder_;
  UniqueFd lock_;
};

}  // namespace virtsession::move
