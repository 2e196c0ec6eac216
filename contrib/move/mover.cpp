// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mover.hpp"

#include "gather.hpp"
#include "libvirt/error.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

Error gone(const std::string& name, Side side) {
  return {ErrorCode::no_such_vm, "VM \"" + name + "\" is no longer in " + uri_of(side)};
}

}  // namespace

Result<DomainPtr> Mover::source_domain() const { return source_.find_uuid(record_.source_uuid); }

Result<DomainPtr> Mover::target_domain() const { return target_.find_uuid(record_.plan.uuid); }

Result<void> Mover::run() {
  if (record_.phase == Phase::arriving)
    if (auto arrived = arrive(); !arrived) return arrived;
  return settle();
}

Result<void> Mover::arrive() {
  using Step = Result<void> (Mover::*)();
  for (const Step step : {&Mover::take_source, &Mover::expect_target_off, &Mover::keep_old_state, &Mover::copy_files,
                          &Mover::define_target, &Mover::put_tpm, &Mover::settle_state})
    if (auto done = (this->*step)(); !done) return done;
  if (auto same = check_source(); !same) return same;
  record_.arrived.clear();
  if (target_.volumes()) target_.volumes()->refresh();
  for (const auto& file : record_.plan.files) {
    const auto seen = target_.files().look(file.to);
    if (!seen) return seen.error();
    record_.arrived.push_back(seen->changed);
  }
  auto named = named_by_target();
  if (!named) return named.error();
  record_.named = std::move(named).value();
  record_.phase = Phase::arrived;
  return save();
}

Result<void> Mover::take_source() {
  const auto domain = source_domain();
  if (!domain) return domain.error();
  if (!*domain) return gone(record_.plan.name, source_.side());
  if (virDomainIsActive(domain->get()) == 1)
    return Error{ErrorCode::busy, "VM \"" + record_.plan.name + "\" runs: shut it down, then try again"};
  if (auto off = set_autostart(domain->get(), false); !off) return off;
  return set_mark(domain->get(), kLeaving);
}

Result<void> Mover::expect_target_off() {
  const auto domain = target_domain();
  if (!domain) return domain.error();
  return *domain ? expect_off(domain->get()) : Result<void>();
}

Result<std::vector<std::string>> Mover::named_by_target() {
  const auto domain = target_domain();
  if (!domain) return domain.error();
  if (!*domain) return std::vector<std::string>();
  const auto named = files_named_by(domain->get(), "");
  if (!named) return named.error();
  return paths_of(*named);
}

Result<bool> Mover::is_nvram_there() {
  if (record_.plan.nvram.empty()) return false;
  const auto there = target_.files().look(record_.plan.nvram);
  if (!there) return there.error();
  return there->kind != FileFacts::Kind::missing;
}

Result<bool> Mover::is_tpm_there() {
  const auto& folder = record_.plan.tpm_folder;
  if (folder.empty()) return false;
  for (const auto& path : {folder, folder + "/tpm2", folder + "/tpm1.2"}) {  // the system's have no names of folders
    const auto names = target_.files().names(path);
    if (!names) return names.error();
    if (!names->empty()) return true;
  }
  return false;
}

Result<void> Mover::begin() {
  const auto nvram = is_nvram_there(), tpm = is_tpm_there();
  if (!nvram) return nvram.error();
  if (!tpm) return tpm.error();
  record_.nvram_was_there = *nvram;
  record_.tpm_was_there = *tpm;
  return save();
}

Result<void> Mover::keep_old_state() {
  for (std::size_t i = 0; i < record_.files.size(); ++i) {
    auto& progress = record_.files[i];
    const auto& file = record_.plan.files[i];
    if (!is_state(i) || progress.state != FileState::none) continue;
    const auto there = target_.files().look(file.to);
    if (!there) return there.error();
    if (there->kind == FileFacts::Kind::unreadable)
      return Error{ErrorCode::operation_failed, "Failed to read " + file.to + ": " + there->reason};
    if (there->kind == FileFacts::Kind::file) {
      const auto kept = journals_.free_name(record_.source_uuid, fs::path(file.to).filename().string());
      LocalFiles local;
      const auto copied = copy_file(target_.reader_of(file.to), file.to, local, kept, "", nullptr, [](auto) {});
      if (!copied) return copied.error();
      progress.kept = kept;
      progress.owner = target_.files().owner(file.to).value_or(Ownership{});
    }
    progress.state = FileState::begun;
  }
  return save();
}

std::optional<Ownership> Mover::owner_of_state(std::size_t index) {
  const auto& file = record_.plan.files[index];
  auto& files = target_.files();
  if (const auto owner = files.owner(file.to)) return owner;
  if (!record_.files[index].kept.empty()) return record_.files[index].owner;
  if (file.kind != FileKind::tpm) return std::nullopt;
  const auto folder = fs::path(file.to).parent_path().string();
  const auto names = files.names(folder);
  for (const auto& name : names ? *names : std::set<std::string>())
    if (!name.starts_with('.')) return files.owner(folder + "/" + name);
  return std::nullopt;
}

Result<void> Mover::expect_free(const std::string& path) {
  const auto there = target_.files().look(path);
  if (!there) return there.error();
  if (there->kind == FileFacts::Kind::missing) return {};
  return Error{
      ErrorCode::operation_failed,
      "Somebody made " + path + " meanwhile, and it is not written over: give it another name, then try again"};
}

Result<void> Mover::clear(std::size_t index) {
  const auto& path = record_.plan.files[index].to;
  const auto state = record_.files[index].state;
  if (state == FileState::none) return {};
  if (state == FileState::done) return target_.files().remove(path);
  return target_.files().remove_unfinished(path, state == FileState::created);
}

bool Mover::is_whole(std::size_t index) {
  const auto& path = record_.plan.files[index].to;
  const auto now = hash_of(target_.reader_of(path), path);
  return now && *now == record_.files[index].hash;
}

Result<void> Mover::put(std::size_t index) {
  const auto& file = record_.plan.files[index];
  auto& progress = record_.files[index];
  auto& files = target_.files();
  const auto owner = is_state(index) ? owner_of_state(index) : std::nullopt;
  if (auto cleared = clear(index); !cleared) return cleared;
  // What was there before is kept; QEMU may have made a new TPM's state.
  if (is_state(index) && (!progress.kept.empty() || file.kind == FileKind::tpm))
    if (auto removed = files.remove(file.to); !removed) return removed;
  for (const auto& path : {file.to, file.to + kPart})
    if (auto free = expect_free(path); !free) return free;
  progress.state = FileState::begun;
  if (auto saved = save(); !saved) return saved;
  const auto created = [&] {
    progress.state = FileState::created;
    return save();
  };
  const auto report = [&](std::uint64_t bytes) {
    sent_ += bytes;
    reporter_.progress(file.from, sent_, record_.plan.bytes());
  };
  auto& reader = source_.reader_of(file.from);
  const auto hash =
      copy_file(reader, file.from, files, file.to, file.backing, owner ? &*owner : nullptr, report, created);
  if (!hash) return hash.error();
  if (target_.volumes()) target_.volumes()->refresh();
  const auto arrived = hash_of(target_.reader_of(file.to), file.to);
  if (!arrived) return arrived.error();
  if (*arrived != *hash)
    return Error{ErrorCode::operation_failed,
                 "What arrived at " + file.to + " is not what was sent: a disk or the memory may be faulty"};
  if (file.format == "qcow2")
    if (auto checked = check_image(target_.volumes() ? file.from : file.to); !checked) return checked;
  progress.hash = *hash;
  progress.state = FileState::done;
  return save();
}

Result<void> Mover::copy_files() {
  for (std::size_t i = 0; i < record_.files.size(); ++i) {
    const auto& file = record_.plan.files[i];
    if (file.kind == FileKind::tpm) continue;  // when its folder is there
    // A power cut, or somebody, may have changed what an earlier start of this program has done.
    if (record_.files[i].state == FileState::done && is_whole(i)) {
      sent_ += file.allocated;
      continue;
    }
    reporter_.step("Copying " + file.from);
    if (auto done = put(i); !done) return done;
  }
  return {};
}

Result<void> Mover::define_target() {
  reporter_.step("Defining it in " + uri_of(target_.side()));
  const auto there = target_domain();
  if (!there) return there.error();
  if (*there && mark_of(there->get()) != kArriving)
    return Error{ErrorCode::operation_failed, "Somebody defined a VM with the uuid of \"" + record_.plan.name +
                                                  "\" in " + uri_of(target_.side()) +
                                                  " meanwhile. With --copy, the new one gets another uuid"};
  const auto domain = define(target_, record_.plan.xml, kArriving);
  if (!domain) return domain.error();
  return define_states(domain->get(), record_.plan.snapshots, record_.plan.checkpoints);
}

Result<void> Mover::put_tpm() {
  if (std::ranges::find(record_.plan.files, FileKind::tpm, &FilePlan::kind) == record_.plan.files.end()) return {};
  const auto domain = target_domain();
  if (!domain) return domain.error();
  if (!*domain) return gone(record_.plan.name, target_.side());
  reporter_.step("Copying the TPM's state");
  if (auto opened = try_to_open(domain->get()); !opened) return opened;
  if (target_.volumes()) target_.volumes()->refresh();
  for (std::size_t i = 0; i < record_.files.size(); ++i)
    if (record_.plan.files[i].kind == FileKind::tpm)
      if (auto done = put(i); !done) return done;
  return {};
}

Result<void> Mover::settle_state() {
  const auto domain = target_domain();
  if (!domain) return domain.error();
  if (!*domain) return gone(record_.plan.name, target_.side());
  reporter_.step("QEMU opens it");
  if (auto opened = try_to_open(domain->get()); !opened)
    return Error{opened.error().code, "QEMU does not open \"" + record_.plan.name + "\" in " + uri_of(target_.side()) +
                                          ": " + opened.error().message};
  if (target_.volumes()) target_.volumes()->refresh();
  for (std::size_t i = 0; i < record_.files.size(); ++i) {
    if (!is_state(i) || is_whole(i)) continue;
    if (auto done = put(i); !done) return done;
  }
  return {};
}

Result<void> Mover::check_source() const {
  const auto domain = source_domain();
  if (!domain) return domain.error();
  if (!*domain) return gone(record_.plan.name, source_.side());
  const auto used = [&](const std::string& how) {
    return Error{ErrorCode::busy,
                 "Somebody used \"" + record_.plan.name + "\" in " + uri_of(source_.side()) + " meanwhile: " + how};
  };
  if (virDomainIsActive(domain->get()) != 0) return used("it runs");
  if (source_.volumes()) source_.volumes()->refresh();
  for (const auto& file : record_.plan.files) {
    const auto now = look_at(source_, file.from);
    if (!now) return now.error();
    if (now->kind != FileFacts::Kind::file) return used(file.from + " cannot be read any more");
    if (now->changed != file.changed || now->size != file.size) return used(file.from + " has changed");
  }
  return {};
}

Result<void> Mover::check_source_mark() const {
  const auto domain = source_domain();
  if (!domain) return domain.error();
  if (!*domain || record_.request.copy) return {};
  const auto mark = mark_of(domain->get());
  if (mark == kLeft && record_.request.keep_source) return {};
  if (mark == kLeaving) {
    const auto unchanged = check_source();
    if (unchanged || unchanged.error().code != ErrorCode::busy) return unchanged;
    return Error{ErrorCode::busy, unchanged.error().message + ". Take the move back, and it stays there"};
  }
  return Error{ErrorCode::busy, "Somebody defined \"" + record_.plan.name + "\" anew in " + uri_of(source_.side()) +
                                    ". Take the move back, and it stays there"};
}

Result<void> Mover::settle() {
  const auto target = target_domain();
  if (!target) return target.error();
  if (!*target) return gone(record_.plan.name, target_.side());
  if (auto unchanged = check_source_mark(); !unchanged) return unchanged;
  if (record_.plan.autostart)
    if (auto on = set_autostart(target->get(), true); !on) return on;
  if (auto cleared = clear_mark(target->get()); !cleared) return cleared;
  if (record_.request.copy) {
    if (auto released = release_source(); !released) return released;
  } else if (const auto source = source_domain(); !source) {
    return source.error();
  } else if (*source) {
    const auto done = record_.request.keep_source ? set_mark(source->get(), kLeft) : undefine(source->get(), {});
    if (!done) return done;
  }
  LocalFiles local;
  std::vector<std::string> same;
  for (const auto& progress : record_.files)
    if (!progress.kept.empty())
      if (const auto hash = hash_of(local, progress.kept); hash && *hash == progress.hash)
        same.push_back(progress.kept);  // as what has been put there
  auto closed = journals_.close(record_, same);
  if (!closed) return closed.error();
  kept_folder_ = std::move(closed).value();
  return {};
}

}  // namespace virtsession::move
