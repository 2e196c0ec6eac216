// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

namespace virtsession {
namespace {

using ImageState = ImageFacts::State;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
/// So little that the next update of a guest fills it.
constexpr std::uint64_t kFull = 256 * kMebibyte;

std::string name_of(const ImageFacts& image) { return image.target + " (" + image.path + ")"; }

void check_present(const CheckedVm& checked, const MachineFacts& machine, Report& report) {
  constexpr const char* kId = "disk-present";
  bool fine = true;
  for (const auto& image : checked.domain.images) {
    const std::string& vm = checked.vm.name;
    const auto problem = [&](const std::string& text, const std::string& fix) {
      fine = false;
      report.add(kId, Severity::problem, vm, text, fix);
    };
    switch (image.state) {
      case ImageState::missing:
        problem(name_of(image) + " does not exist",
                image.cdrom ? virsh_command("change-media", vm) + " " + shell_word(image.target) + " --eject --config"
                            : virsh_command("edit", vm));
        break;
      case ImageState::denied:
        problem(name_of(image) + " may not be opened by " + machine.user + ": " + image.error,
                "sudo chown " + shell_word(machine.user) + " " + shell_word(image.path) + " && chmod u+rw " +
                    shell_word(image.path));
        break;
      case ImageState::too_late:
        problem(name_of(image) + " is on a file system that does not answer", "");
        break;
      case ImageState::other_error:
        problem(name_of(image) + " cannot be looked at: " + image.error, "");
        break;
      case ImageState::present:
        if (!image.missing_backing.empty())
          problem(name_of(image) + " stands on " + image.missing_backing + ", which does not exist", "");
        break;
    }
  }
  if (fine && !checked.domain.images.empty())
    report.add(kId, Severity::ok, checked.vm.name,
               count_text(checked.domain.images.size(), "file") + " of its disks and boot loader can be opened");
}

/// What all images on one file system may still take.
struct Growth {
  std::uint64_t available = 0;
  std::uint64_t bytes = 0;
  std::set<std::string> paths;  // an image that two VMs share grows once
  std::set<std::string> vms;
};

std::map<std::string, Growth> growth_by_mount(const Picture& picture) {
  std::map<std::string, Growth> mounts;
  for (const auto& [vm, domain] : picture.vms) {
    for (const auto& image : domain.images) {
      if (!image.filesystem || !image.writable || image.state != ImageState::present) continue;
      auto& growth = mounts[image.filesystem->mount_point];
      growth.available = image.filesystem->available;
      growth.vms.insert(vm.name);
      if (growth.paths.insert(image.path).second && image.capacity > image.allocated)
        growth.bytes += image.capacity - image.allocated;
    }
  }
  return mounts;
}

void check_space(const Picture& picture, Report& report) {
  for (const auto& [mount, growth] : growth_by_mount(picture)) {
    const std::string subject = growth.vms.size() == 1 ? *growth.vms.begin() : "";
    const std::string seen =
        fmt::format("{} has {} left, and the disk images of {} on it may still grow by {}", mount,
                    size_text(growth.available), count_text(growth.vms.size(), "VM"), size_text(growth.bytes));
    auto severity = Severity::ok;
    if (growth.bytes > growth.available) {
      // Few images ever fill up, and many together promise more than there is.
      severity = growth.available < kFull              ? Severity::problem
                 : growth.available < growth.bytes / 4 ? Severity::warning
                                                       : Severity::note;
    }
    report.add("disk-space", severity, subject,
               seen + (severity == Severity::problem ? ": guests are paused when they cannot write" : ""));
  }
}

enum class Kind { local, network, memory, limited };

Kind kind_of(std::string_view type) {
  constexpr std::array kNetwork{"nfs",        "nfs4",           "cifs", "smb3",        "fuse.sshfs",      "9p",
                                "ceph",       "fuse.glusterfs", "afs",  "fuse.rclone", "fuse.gvfsd-fuse", "davfs",
                                "fuse.davfs2"};
  constexpr std::array kMemory{"tmpfs", "ramfs"};
  constexpr std::array kLimited{"vfat", "msdos"};
  const auto is_in = [&](const auto& names) { return std::ranges::find(names, type) != names.end(); };
  return is_in(kNetwork)   ? Kind::network
         : is_in(kMemory)  ? Kind::memory
         : is_in(kLimited) ? Kind::limited
                           : Kind::local;
}

/// The D-Bus call that makes the VM wait for the path.
std::string wait_command(const SupervisedVm& vm, const std::string& path) {
  std::string object = "/org/virtsession/Supervisor1/vm/_" + vm.uuid;
  std::ranges::replace(object, '-', '_');
  std::string paths;
  for (const auto& other : vm.start_if_paths) paths += " " + shell_word(other);
  return fmt::format(
      "busctl --user call org.virtsession.Supervisor1 {} org.virtsession.Supervisor1.VM SetPolicy 'a{{sv}}a{{sv}}' 1 "
      "start_if_paths as {}{} {} 0",
      object, vm.start_if_paths.size() + 1, paths, shell_word(path));
}

/// For what may not be there at login: how to wait for it, unless that is done already.
void add_waiting(const CheckedVm& checked, const ImageFacts& image, const std::string& where, Report& report) {
  const auto& vm = checked.vm;
  const bool waits = std::ranges::any_of(vm.start_if_paths, [&](const std::string& path) {
    return path == image.path || path == image.filesystem->mount_point;
  });
  const bool starts = vm.autostart && vm.start != StartWhen::never;
  const std::string seen = name_of(image) + " is on " + where;
  if (waits || !starts)
    return report.add("disk-filesystem", waits ? Severity::ok : Severity::note, vm.name,
                      seen + (waits ? ", which it waits for at login" : ", which is slow or may be missing"));
  report.add("disk-filesystem", Severity::warning, vm.name,
             seen + ", which may be missing at login; let the VM wait for it", wait_command(vm, image.path));
}

void check_filesystem(const CheckedVm& checked, Report& report) {
  bool fine = true;
  for (const auto& image : checked.domain.images) {
    if (!image.filesystem) continue;
    const auto& filesystem = *image.filesystem;
    const Kind kind = kind_of(filesystem.type);
    const std::string where = filesystem.type + " at " + filesystem.mount_point;
    if (kind == Kind::local && !filesystem.removable) continue;
    fine = false;
    if (kind == Kind::memory)
      report.add("disk-filesystem", Severity::warning, checked.vm.name,
                 name_of(image) + " is on " + where + ", in memory: it is lost at the next reboot");
    else if (kind == Kind::limited && image.capacity >= (std::uint64_t{4} << 30))
      report.add("disk-filesystem", Severity::warning, checked.vm.name,
                 name_of(image) + " is on " + where + ", where no file grows beyond 4 GiB, and it has " +
                     size_text(image.capacity));
    else
      add_waiting(checked, image, (filesystem.removable ? "a removable disk, " : "a network file system, ") + where,
                  report);
  }
  const auto seen =
      std::ranges::count_if(checked.domain.images, [](const auto& image) { return image.filesystem.has_value(); });
  if (!checked.domain.remote_disks.empty())
    report.add("disk-filesystem", Severity::ok, checked.vm.name,
               list_text(checked.domain.remote_disks) + (checked.domain.remote_disks.size() == 1 ? " is" : " are") +
                   " no file on this machine: whether it is there is known when the VM starts");
  if (fine && seen > 0)
    report.add("disk-filesystem", Severity::ok, checked.vm.name,
               std::string(checked.domain.remote_disks.empty() ? "its" : "its other") +
                   " disk images are on file systems of this machine");
}

/// systemd ends a service that nothing is ordered after in the second in which the session ends.
void check_servers(const CheckedVm& checked, Report& report) {
  const auto& vm = checked.vm;
  std::vector<std::string> missing, seen;
  for (const auto& [disk, unit] : checked.domain.served_disks) {
    if (std::ranges::find(vm.after_units, unit) == vm.after_units.end() &&
        std::ranges::find(missing, unit) == missing.end())
      missing.push_back(unit);
    seen.push_back(disk + " is served by " + unit);
  }
  if (seen.empty()) return;
  if (missing.empty())
    return report.add("disk-unit", Severity::ok, vm.name, list_text(seen) + ", and the VM stops before that");
  auto units = vm.after_units;
  units.insert(units.end(), missing.begin(), missing.end());
  std::string value;
  for (const auto& unit : units) value += (value.empty() ? "" : ",") + unit;
  report.add("disk-unit", vm.active || vm.autostart ? Severity::warning : Severity::note, vm.name,
             list_text(seen) + "; at the end of the session " + list_text(missing) +
                 (missing.size() == 1 ? " is" : " are") +
                 " stopped before the VM, and its guest loses what it writes last",
             "virtsessionctl policy " + shell_word(vm.name) + " " + shell_word("after_units=" + value));
}

}  // namespace

void check_disks(const Picture& picture, Report& report) {
  for (const auto& checked : picture.vms) {
    check_present(checked, picture.facts.machine, report);
    check_filesystem(checked, report);
    check_servers(checked, report);
  }
  const auto is_served = [](const CheckedVm& checked) { return !checked.domain.served_disks.empty(); };
  if (std::ranges::none_of(picture.vms, is_served)) report.ok("disk-unit", "no disk is served by a service of yours");
  check_space(picture, report);
}

}  // namespace virtsession
