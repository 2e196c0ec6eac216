// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gather.hpp"
#include "libvirt/error.hpp"
#include "mover.hpp"

#include <algorithm>

namespace virtsession::move {

std::vector<std::string> Mover::kept_files() const {
  std::vector<std::string> files;
  for (const auto& progress : record_.files)
    if (!progress.kept.empty()) files.push_back(progress.kept);
  return files;
}

Result<void> Mover::check_kept() const {
  LocalFiles local;
  for (const auto& path : kept_files()) {
    const auto there = local.look(path);
    if (!there) return there.error();
    if (there->kind == FileFacts::Kind::file) continue;
    return Error{ErrorCode::operation_failed, "State of an earlier stay was kept in " + path +
                                                  ", and cannot be read there" +
                                                  (there->reason.empty() ? "" : ": " + there->reason) +
                                                  ". Nothing was changed. Bring that file back, then try again"};
  }
  return {};
}

Result<void> Mover::undo() {
  if (auto kept = check_kept(); !kept) return kept;
  if (record_.phase == Phase::arrived) {
    if (auto still = check_target_has_not_run(); !still) return still;
    if (auto defined = define_source_again(); !defined) return defined;
    record_.phase = Phase::arriving;  // from here on the source is the valid one again
    if (auto saved = save(); !saved) return saved;
  }
  if (auto removed = remove_target(); !removed) return removed;
  for (std::size_t i = 0; i < record_.files.size(); ++i)
    if (auto back = put_back(i); !back) return back;
  if (auto released = release_source(); !released) return released;
  const auto closed = journals_.close(record_, kept_files());
  return closed ? Result<void>() : closed.error();
}

Result<void> Mover::check_target_has_not_run() {
  const auto domain = target_domain();
  if (!domain) return domain.error();
  const auto run = has_run(domain->get());
  if (!run) return run.error();
  if (*run)
    return Error{ErrorCode::busy,
                 "VM \"" + record_.plan.name + "\" has run in " + uri_of(target_.side()) +
                     " since, or may have, and what it did there would be lost. --resume keeps it there"};
  if (!*domain) return {};
  if (auto off = set_autostart(domain->get(), false); !off) return off;
  return set_mark(domain->get(), kArriving);
}

Result<bool> Mover::has_run(virDomainPtr domain) {
  if (domain && (virDomainIsActive(domain) != 0 || virDomainHasManagedSaveImage(domain, 0) != 0)) return true;
  if (target_.volumes()) target_.volumes()->refresh();
  for (std::size_t i = 0; i < record_.arrived.size(); ++i) {
    const auto seen = target_.files().look(record_.plan.files[i].to);
    if (!seen) return seen.error();
    if (seen->kind != FileFacts::Kind::file || seen->changed != record_.arrived[i]) return true;
  }
  // A snapshot may have given it a new file, which all is written to.
  const auto named = named_by_target();
  if (!named) return named.error();
  return std::ranges::any_of(
      *named, [&](const std::string& path) { return std::ranges::find(record_.named, path) == record_.named.end(); });
}

Result<void> Mover::define_source_again() {
  const auto there = source_domain();
  if (!there) return there.error();
  if (*there) return set_mark(there->get(), kLeaving);
  const auto domain = define(source_, record_.source_xml, kLeaving);
  if (!domain) return domain.error();
  return define_states(domain->get(), record_.source_snapshots, record_.source_checkpoints);
}

Result<void> Mover::remove_target() {
  const auto domain = target_domain();
  if (!domain) return domain.error();
  if (!*domain) return {};
  if (mark_of(domain->get()) != kArriving) return {};  // somebody else's: it was there before
  if (auto off = expect_off(domain->get()); !off) return off;
  return undefine(domain->get(), {.nvram = !record_.nvram_was_there, .tpm = !record_.tpm_was_there});
}

Result<void> Mover::put_back(std::size_t index) {
  auto& progress = record_.files[index];
  if (progress.state == FileState::none) return {};
  const auto& file = record_.plan.files[index];
  auto& files = target_.files();
  if (target_.volumes()) target_.volumes()->refresh();
  if (file.kind == FileKind::tpm && !record_.tpm_was_there) return {};  // libvirt removed the folder
  if (progress.kept.empty()) {
    if (auto cleared = clear(index); !cleared) return cleared;
    progress.state = FileState::none;  // what others make there from now on is theirs
    return save();
  }
  LocalFiles local;
  const auto kept = hash_of(local, progress.kept), there = hash_of(target_.reader_of(file.to), file.to);
  if (!kept) return kept.error();
  if (there && *there == *kept) return files.remove_part(file.to);  // it is back already
  const auto owner = owner_of_state(index);
  if (auto removed = files.remove(file.to); !removed) return removed;
  if (auto removed = files.remove_unfinished(file.to, false); !removed) return removed;
  const auto back = copy_file(local, progress.kept, files, file.to, "", owner ? &*owner : nullptr, [](auto) {});
  return back ? Result<void>() : back.error();
}

Result<void> Mover::release_source() {
  auto domain = source_domain();
  if (!domain) return domain.error();
  if (!*domain) {
    if (auto defined = define_source_again(); !defined) return defined;
    domain = source_domain();
    if (!domain) return domain.error();
  }
  if (auto cleared = clear_mark(domain->get()); !cleared) return cleared;
  return set_autostart(domain->get(), record_.source_autostart);
}

}  // namespace virtsession::move
