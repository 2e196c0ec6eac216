// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr std::uint64_t kFewFiles = 1024;
constexpr std::uint64_t kMemoryOverhead = std::uint64_t{1} << 30;  ///< what libvirt adds to a guest's locked memory

std::string limit_text(std::uint64_t limit) { return limit == kUnlimited ? "unlimited" : std::to_string(limit); }

/// A limit of the user manager, which everything in it inherits; only the system's manager can raise it.
std::string manager_fix(const std::string& setting) { return system_drop_in("user@.service", setting); }

void check_files(const Picture& picture, Report& report) {
  const auto& limits = picture.facts.limits;
  if (!limits.open_files_soft || !limits.open_files_hard) return;
  const std::string seen = limits.owner + " may have " + limit_text(*limits.open_files_soft) + " files open";
  if (*limits.open_files_soft >= kFewFiles) return report.ok("limit-open-files", seen);
  const std::string setting = "LimitNOFILE=" + std::to_string(kFewFiles);
  report.add("limit-open-files", Severity::warning, {},
             seen + ": a VM with several disks and displays needs more than " + std::to_string(kFewFiles),
             *limits.open_files_hard >= kFewFiles
                 ? user_drop_in("virtsession-" + picture.daemon + ".service",
                                setting + ":" + limit_text(std::max(*limits.open_files_hard, kFewFiles)))
                 : manager_fix(setting));
}

void check_locked(const Picture& picture, Report& report) {
  const auto& limits = picture.facts.limits;
  if (!limits.locked_memory) return;
  bool needed = false;
  for (const auto& [vm, domain] : picture.vms) {
    if (!domain.locks_memory) continue;
    needed = true;
    const std::uint64_t wanted = domain.memory_kib * 1024 + kMemoryOverhead;
    const std::string seen =
        limits.owner + " may lock " + size_text(*limits.locked_memory) + ", and the VM locks " + size_text(wanted);
    if (*limits.locked_memory >= wanted)
      report.add("limit-locked-memory", Severity::ok, vm.name, seen);
    else
      report.add("limit-locked-memory", Severity::problem, vm.name, seen + ": it cannot start",
                 manager_fix("LimitMEMLOCK=infinity"));
  }
  if (!needed)
    report.ok("limit-locked-memory", "no VM locks its memory; " + size_text(*limits.locked_memory) + " may be");
}

void check_file_size(const Picture& picture, Report& report) {
  const auto& limits = picture.facts.limits;
  if (!limits.file_size) return;
  if (*limits.file_size == kUnlimited) return report.ok("limit-file-size", "files may grow without limit");
  bool cut = false;
  for (const auto& [vm, domain] : picture.vms) {
    for (const auto& image : domain.images) {
      if (!image.writable || image.capacity <= *limits.file_size) continue;
      cut = true;
      report.add("limit-file-size", Severity::problem, vm.name,
                 "its disk " + image.path + " has " + size_text(image.capacity) + ", and " + limits.owner +
                     " may write files of " + size_text(*limits.file_size) + " only",
                 manager_fix("LimitFSIZE=infinity"));
    }
  }
  if (!cut)
    report.add("limit-file-size", Severity::warning, {},
               limits.owner + " may write files of " + size_text(*limits.file_size) +
                   " only; a saved VM or a new disk may be larger",
               manager_fix("LimitFSIZE=infinity"));
}

/// A limit that libvirt sets for each VM: a user may lower, but not raise one.
void check_setting(const std::string& key, std::optional<std::uint64_t> wanted, std::optional<std::uint64_t> hard,
                   const Picture& picture, Report& report) {
  if (!wanted || !hard || *wanted <= *hard) return;
  const std::string path = picture.facts.machine.config_home + "/libvirt/qemu.conf";
  report.add("limit-qemu-conf", Severity::problem, {},
             key + " = " + limit_text(*wanted) + " in " + path + " is more than this user may set (" +
                 limit_text(*hard) + "): no VM can start",
             // Without a line of its own libvirt 11 takes core files for unlimited.
             "sed -i 's/^ *" + key + (key == "max_core" ? ".*/max_core = 0/' " : "/#&/' ") + shell_word(path) +
                 " && systemctl --user restart virtsession-" + picture.daemon + ".service");
}

/// From then on libvirt sets an unlimited core size for each VM unless it is told another.
constexpr unsigned long kFirstUnlimitedCore = 11000000;

void check_default_core(const Picture& picture, Report& report) {
  const auto& limits = picture.facts.limits;
  if (limits.conf_core || limits.conf_core_none || !limits.core || *limits.core == kUnlimited ||
      picture.facts.libvirt.version < kFirstUnlimitedCore)
    return;
  const std::string path = picture.facts.machine.config_home + "/libvirt/qemu.conf";
  report.add("limit-qemu-conf", Severity::problem, {},
             "libvirt " + version_text(picture.facts.libvirt.version) +
                 " sets the size of core files for each VM to unlimited, and " + limits.owner + " may set " +
                 limit_text(*limits.core) + " at most: no VM can start. With max_core = 0 in " + path +
                 " it sets nothing",
             "mkdir -p " + shell_word(picture.facts.machine.config_home + "/libvirt") + " && echo 'max_core = 0' >> " +
                 shell_word(path) + " && systemctl --user restart virtsession-" + picture.daemon + ".service");
}

void check_conf(const Picture& picture, Report& report) {
  const auto& limits = picture.facts.limits;
  Report found;
  check_default_core(picture, found);
  check_setting("max_core", limits.conf_core, limits.core, picture, found);
  check_setting("max_files", limits.conf_files, limits.open_files_hard, picture, found);
  check_setting("max_processes", limits.conf_processes, limits.processes, picture, found);
  const auto problems = found.take();
  if (problems.empty()) report.ok("limit-qemu-conf", "the session's qemu.conf asks for no limit that cannot be set");
  for (const auto& problem : problems) report.add("limit-qemu-conf", problem.severity, {}, problem.text, problem.fix);
}

std::string slice_fix(const SliceFacts& slice, const std::string& setting) {
  const bool ours = slice.unit == "virtsession.slice";
  return std::string(ours ? "systemctl --user" : "sudo systemctl") + " set-property " + slice.unit + " " + setting;
}

/// What all VMs need that run, or start at login.
std::uint64_t memory_needed(const Picture& picture) {
  std::uint64_t bytes = 0;
  for (const auto& [vm, domain] : picture.vms)
    if (vm.active || (vm.autostart && vm.start != StartWhen::never)) bytes += domain.memory_kib * 1024;
  return bytes;
}

bool check_memory(const SliceFacts& slice, const Picture& picture, Report& report) {
  if (!slice.memory_max || *slice.memory_max == kUnlimited) return true;
  const std::string fix = slice_fix(slice, "MemoryMax=infinity");
  const std::string has = slice.unit + " may use " + size_text(*slice.memory_max) + " of memory";
  bool fits = true;
  for (const auto& [vm, domain] : picture.vms) {
    if (domain.memory_kib * 1024 <= *slice.memory_max) continue;
    fits = false;
    report.add("limit-slice", Severity::problem, vm.name,
               has + ", and the VM has " + size_text(domain.memory_kib * 1024) + ": it is killed when it uses it", fix);
  }
  const auto needed = memory_needed(picture);
  if (!fits || needed <= *slice.memory_max) return fits;
  report.add("limit-slice", Severity::warning, {},
             has + ", and the VMs that run or start at login have " + size_text(needed) + " together", fix);
  return false;
}

bool check_tasks(const SliceFacts& slice, Report& report) {
  if (!slice.tasks_max || *slice.tasks_max == kUnlimited || slice.tasks * 10 < *slice.tasks_max * 9) return true;
  report.add("limit-slice", Severity::warning, {},
             slice.unit + " has " + std::to_string(slice.tasks) + " of " + std::to_string(*slice.tasks_max) +
                 " tasks (threads): VMs may not get theirs",
             slice_fix(slice, "TasksMax=infinity"));
  return false;
}

void check_slices(const Picture& picture, Report& report) {
  const auto& slices = picture.facts.limits.slices;
  if (slices.empty()) return;
  bool fits = true;
  for (const auto& slice : slices) {
    fits = check_memory(slice, picture, report) && fits;
    fits = check_tasks(slice, report) && fits;
  }
  if (fits) report.ok("limit-slice", "the memory and task limits of the user's slices leave room for the VMs");
}

}  // namespace

void check_limits(const Picture& picture, Report& report) {
  check_files(picture, report);
  check_locked(picture, report);
  check_file_size(picture, report);
  check_conf(picture, report);
  check_slices(picture, report);
}

}  // namespace virtsession
