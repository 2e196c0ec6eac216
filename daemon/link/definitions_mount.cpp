// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/definitions_mount.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace virtsession {
DefinitionsMount::DefinitionsMount(EventLoop& loop, std::string folder, std::function<void()> mounted,
                                   std::chrono::milliseconds settles)
    : folder_(std::move(folder)),
      settles_(settles),
      resolved_(folder_),
      table_(loop, [this] { look(); }),
      id_(id_of_mount()),
      ids_(ids()),
      settled_(loop, std::move(mounted)),
      mail_(loop) {
  resolve();
}

void DefinitionsMount::look() {
  const auto id = id_of_mount();
  const bool is_new = !ids_.contains(id);
  ids_ = ids();
  if (std::exchange(id_, id) != id && is_new) settled_.set(EventLoop::Clock::now() + settles_);
  resolve();
}

/// Links are followed by a thread, since the home may hang; what it says counts from the next mount on. One at a time:
/// each mount asks for it, and one that hangs would not be the last.
void DefinitionsMount::resolve() {
  again_ = resolving_;
  if (resolving_) return;
  resolving_ = mail_.run<std::string>(
      "definitions",
      [folder = folder_] {
        std::error_code error;
        const auto path = std::filesystem::weakly_canonical(folder, error);
        return error ? folder : path.string();
      },
      [this](std::string path) {
        resolving_ = false;
        resolved_ = std::move(path);
        id_ = id_of_mount();
        if (again_) resolve();
      });
}

std::string DefinitionsMount::id_of_mount() const {
  const auto* const mount = mount_of(table_.mounts(), resolved_);
  return mount ? mount->key() : std::string();
}

std::set<std::string> DefinitionsMount::ids() const {
  std::set<std::string> all;
  for (const auto& mount : table_.mounts()) all.insert(mount.key());
  return all;
}

}  // namespace virtsession
