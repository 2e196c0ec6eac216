// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.hpp"
#include "mover.hpp"

#include <unistd.h>

#include <filesystem>

namespace virtsession::move {

namespace fs = std::filesystem;

Result<void> Mover::undo() {
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
  for (const auto& progress : record_.files)
    if (!progress.kept.empty()) unlink(progress.kept.c_str());
  kept_folder_ = journals_.close(record_);
  return {};
}

Result<void> Mover::check_target_has_not_run() {
  const Error has_run{ErrorCode::busy, "It has run in " + uri_of(target_.side()) +
                                           " since, and what it did there would be "
                                           "lost: only --resume is possible"};
  const auto domain = target_domain();
  if (!domain) return domain.error();
  if (!*domain) return {};
  if (virDomainIsActive(domain->get()) == 1) return has_run;
  for (std::size_t i = 0; i < record_.arrived.size(); ++i) {
    const auto seen = target_.files().look(record_.plan.files[i].to);
    if (!seen) return seen.error();
    if (seen->kind == FileFacts::Kind::file && seen->changed != record_.arrived[i]) return has_run;
  }
  if (auto off = set_autostart(domain->get(), false); !off) return off;
  return set_mark(domain->get(), kArriving);
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
  if (auto stopped = stop_if_active(domain->get()); !stopped) return stopped;
  return undefine(domain->get(), !record_.tpm_was_there);
}

Result<void> Mover::put_back(std::size_t index) {
  auto& progress = record_.files[index];
  if (progress.state == FileState::none) return {};
  const auto& file = record_.plan.files[index];
  auto& files = target_.files();
  if (target_.volumes()) target_.volumes()->refresh();
  const auto owner = owner_of_state(index);
  if (file.kind != FileKind::tpm || record_.tpm_was_there)
    if (auto removed = files.remove(file.to); !removed) return removed;
  if (!progress.kept.empty()) {
    LocalFiles local;
    const auto back = copy_file(local, progress.kept, files, file.to, "", owner ? &*owner : nullptr, [](auto) {});
    if (!back) return back.error();
  }
  return {};
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
