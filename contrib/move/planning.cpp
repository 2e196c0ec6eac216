// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"

#include "util/shell_word.hpp"

#include <algorithm>
#include <filesystem>

namespace virtsession::move {

namespace fs = std::filesystem;

std::string Planning::virsh(const std::string& verb) const {
  return "virsh -c " + uri_of(request.from) + " " + verb + " " + shell_word(facts.source.name);
}

void Planning::keep(const std::string& what, const std::string& text, const std::string& command) {
  if (!inside_snapshot) plan.kept.push_back({what, text, command});
}

void Planning::lose(const std::string& what, const std::string& text, const std::string& command) {
  if (!inside_snapshot) plan.losses.push_back({what, text, command});
}

void Planning::block(const std::string& what, const std::string& text, const std::string& command) {
  if (!inside_snapshot) plan.obstacles.push_back({what, text, command});
}

const FileFacts* Planning::file(const std::string& path) const {
  const auto found = facts.source.files.find(path);
  return found == facts.source.files.end() ? nullptr : &found->second;
}

bool Planning::is_reachable(const std::string& path) const {
  const auto* found = file(path);
  if (!found || found->kind != FileFacts::Kind::file) return false;
  return to_session() ? found->readable_by_user : found->readable_by_others;
}

bool Planning::is_used_by_others(const std::string& path) const {
  const auto uses = [&](const auto& other) { return other.second.contains(path); };
  return !facts.source.others_are_known || std::ranges::any_of(facts.source.others, uses);
}

std::string Planning::free_name(const std::string& path) {
  const fs::path name = fs::path(path).filename();
  auto free = name.string();
  auto stem = name.stem().string();
  // "web-2" that came back is "web" again, or "web-3"
  if (const auto dash = stem.rfind('-');
      dash != std::string::npos && dash > 0 && dash + 2 == stem.size() && stem.back() >= '2' && stem.back() <= '9')
    free = (stem = stem.substr(0, dash)) + name.extension().string();
  for (int count = 2; taken.contains(free) || taken.contains(free + ".part"); ++count)
    free = stem + "-" + std::to_string(count) + name.extension().string();
  taken.insert(free);
  return free;
}

bool Planning::is_movable(const std::string& what, const std::string& path, const FileFacts& found) {
  switch (found.kind) {
    case FileFacts::Kind::missing:
      block(what, "its file " + path + " is not there");
      return false;
    case FileFacts::Kind::unreadable:
      block(what, "its file " + path + " cannot be read" + (found.reason.empty() ? "" : ": " + found.reason));
      return false;
    case FileFacts::Kind::block_device:
      block(what, path + " is a block device, which stays with the system",
            "qemu-img convert -O qcow2 " + shell_word(path) + " FILE.qcow2   # as root, then use the file");
      return false;
    case FileFacts::Kind::folder:
      block(what, path + " is a folder");
      return false;
    case FileFacts::Kind::file:
      break;
  }
  if (!found.image.fault.empty()) block(what, "its file " + path + " " + found.image.fault);
  if (found.image.has_data_file) block(what, path + " keeps its data in another file, which cannot be followed");
  if (found.image.encrypted)
    block(what, path + " is encrypted, and its password is a secret of " + uri_of(request.from));
  return found.image.fault.empty() && !found.image.has_data_file && !found.image.encrypted;
}

std::optional<std::string> Planning::move_file(const std::string& what, const std::string& path, FileKind kind) {
  if (const auto known = moved.find(path); known != moved.end()) return known->second;
  if (inside_snapshot) return std::nullopt;  // of a disk that the VM has no more
  const auto* found = file(path);
  const FileFacts missing;
  if (!is_movable(what, path, found ? *found : missing)) return std::nullopt;

  FilePlan plan_of{.kind = kind, .from = path, .size = found->size, .allocated = found->allocated};
  plan_of.changed = found->changed;
  plan_of.format = found->image.format;
  moved[path] = plan_of.to = facts.target.images_folder + "/" + free_name(path);
  if (const auto& backing = found->image.backing; !backing.empty()) {
    if (!is_plain_name(backing)) {
      block(what, "its backing file is not a plain file: " + backing);
      return std::nullopt;
    }
    const bool relative = !backing.starts_with('/');
    const auto below = (fs::path(path).parent_path() / backing).lexically_normal().string();
    const auto to = move_file(what + ", backing file", below, FileKind::backing_file);
    if (!to) return std::nullopt;
    const auto written = relative ? fs::path(*to).filename().string() : *to;
    if (written.size() > kMaxBackingName) {
      block(what, "its backing file would have a path of " + std::to_string(written.size()) +
                      " bytes, and an image can name one of at most " + std::to_string(kMaxBackingName));
      return std::nullopt;
    }
    if (written != backing) plan_of.backing = written;
  }
  plan_of.shared = kind == FileKind::backing_file || is_used_by_others(path);
  const auto to = plan_of.to;
  plan.files.push_back(std::move(plan_of));
  return to;
}

}  // namespace virtsession::move
