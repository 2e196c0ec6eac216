// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "copy_file.hpp"
#include "domains.hpp"
#include "journal.hpp"
#include "side.hpp"

#include <functional>
#include <optional>
#include <string>

namespace virtsession::move {

/// Gets how far it is.
struct Reporter {
  std::function<void(const std::string& what)> step;
  std::function<void(const std::string& file, std::uint64_t sent, std::uint64_t total)> progress;
};

/// Does what a record says, or takes it back; by the rule in journal.hpp. Every function may be called again after a
/// kill at any point of it.
class Mover {
 public:
  /// All of these outlive it.
  Mover(Journals& journals, Record& record, SideAccess& source, SideAccess& target, Reporter reporter)
      : journals_(journals), record_(record), source_(source), target_(target), reporter_(std::move(reporter)) {}

  /// Before all else of a new move: notes what is in the new place already, and writes the record down.
  Result<void> begin();
  /// From wherever it is to the end.
  Result<void> run();
  /// From wherever it is to the beginning.
  Result<void> undo();
  /// Where what was replaced is kept; empty when nothing was. After the end.
  const std::string& kept_folder() const { return kept_folder_; }

 private:
  Result<void> arrive();
  Result<void> take_source();
  Result<void> expect_target_off();
  Result<void> keep_old_state();
  Result<void> copy_files();
  Result<void> define_target();
  Result<void> put_tpm();
  Result<void> settle_state();
  Result<void> check_source() const;
  Result<void> check_source_mark() const;
  Result<std::vector<std::string>> named_by_target();
  std::vector<std::string> kept_files() const;
  Result<void> settle();

  Result<void> put(std::size_t index);
  /// Nothing is at the place of a file, or it is an error.
  Result<void> expect_free(const std::string& path);
  /// Removes what this move made at a file's place.
  Result<void> clear(std::size_t index);
  /// Whether a file that was done is what was sent.
  bool is_whole(std::size_t index);
  Result<bool> is_nvram_there();
  Result<bool> is_tpm_there();
  Result<void> put_back(std::size_t index);
  Result<void> define_source_again();
  Result<void> check_kept() const;
  Result<void> check_target_has_not_run();
  Result<bool> has_run(virDomainPtr domain);
  Result<void> remove_target();
  Result<void> release_source();
  Result<void> save() const { return journals_.save(record_); }
  Result<DomainPtr> source_domain() const;
  Result<DomainPtr> target_domain() const;
  /// The owner that a state's file at the target is to have; nothing: the one that writes it.
  std::optional<Ownership> owner_of_state(std::size_t index);
  bool is_state(std::size_t index) const { return record_.plan.files[index].replaces; }

  Journals& journals_;
  Record& record_;
  SideAccess& source_;
  SideAccess& target_;
  Reporter reporter_;
  std::string kept_folder_;
  std::uint64_t sent_ = 0;
};

}  // namespace virtsession::move
