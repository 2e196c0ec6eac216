// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/mount_points.hpp"

#include "util/log.hpp"
#include "util/paths.hpp"
#include "util/unique_c_ptr.hpp"
#include "util/unit_name.hpp"

#include <mntent.h>

#include <chrono>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kUnitsLimit{2};
constexpr std::string_view kMountSuffix = ".mount";

/// "srv-my\x2ddisk" is /srv/my-disk.
std::string path_of_unit(std::string_view name) { return name == "-" ? "/" : "/" + unescape_from_unit(name); }

bool is_masked(const fs::path& unit) {
  std::error_code error;
  return fs::read_symlink(unit, error) == "/dev/null";
}

}  // namespace

std::vector<fs::path> user_unit_folders() {
  const auto runtime = runtime_dir() + "/systemd/";
  return {config_home() + "/systemd/user", runtime + "user", runtime + "generator", runtime + "transient",
          "/etc/systemd/user"};
}

std::set<std::string> read_fstab(const fs::path& fstab) {
  std::set<std::string> paths;
  const UniqueCPtr<FILE, endmntent> file(setmntent(fstab.c_str(), "re"));
  if (!file) return paths;
  mntent entry{};
  char buffer[8192];
  while (getmntent_r(file.get(), &entry, buffer, sizeof buffer))
    if (entry.mnt_dir[0] == '/') paths.insert(normal_path(entry.mnt_dir));
  return paths;
}

std::set<std::string> read_mount_units(const std::vector<fs::path>& folders) {
  std::set<std::string> paths;
  for (const auto& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const auto name = entry->path().filename().string();
      if (name.ends_with(kMountSuffix) && !is_masked(entry->path()))
        paths.insert(path_of_unit(std::string_view(name).substr(0, name.size() - kMountSuffix.size())));
    }
  }
  return paths;
}

std::set<std::string> read_mount_points(const MountPointSources& sources) {
  auto paths = read_fstab(sources.fstab);
  paths.merge(read_mount_units(sources.units));
  return paths;
}

MountPoints::MountPoints(EventLoop& loop, MountPointSources sources, std::function<void()> changed)
    : sources_(std::move(sources)),
      changed_(std::move(changed)),
      table_(loop,
             [this] {
               note_mounted();
               changed_();
             }),
      user_limit_(loop,
                  [this] {
                    log::warn("The user's .mount units are not known: their folders do not answer");
                    user_known_ = true;
                    changed_();
                  }),
      mail_(loop) {
  note_mounted();
}

void MountPoints::note_mounted() {
  for (const auto& mount : table_.mounts()) seen_.insert(mount.point);
}

void MountPoints::refresh() {
  const bool begun = mail_.run<std::set<std::string>>(
      "mount-points", [sources = sources_] { return read_mount_points(sources); },
      [this](std::set<std::string> paths) {
        system_ = std::move(paths);
        system_known_ = true;
        changed_();
      });
  if (!begun) system_known_ = true;
  if (user_is_read_) return;
  if (!user_known_) user_limit_.set(EventLoop::Clock::now() + kUnitsLimit);
  user_is_read_ = mail_.run<std::set<std::string>>(
      "mount-points", [folders = sources_.user_units] { return read_mount_units(folders); },
      [this](std::set<std::string> paths) {
        user_limit_.cancel();
        user_is_read_ = false;
        user_ = std::move(paths);
        user_known_ = true;
        changed_();
      });
}

bool MountPoints::contains(const std::string& path) const {
  const auto point = normal_path(path);
  return system_.contains(point) || user_.contains(point) || seen_.contains(point);
}

}  // namespace virtsession
