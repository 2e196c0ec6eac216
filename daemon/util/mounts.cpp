// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/mounts.hpp"

#include "util/files.hpp"

#include <sstream>

namespace virtsession {
namespace {

// The kernel writes space, tab, newline and backslash as \ooo.
std::string unescape(const std::string& text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() && is_octal(text[at + 1]) && is_octal(text[at + 2]) &&
        is_octal(text[at + 3])) {
      plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

bool is_below(const std::string& path, const std::string& folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, point;
    Mount mount;
    words >> mount.id >> word >> mount.device >> word >> point;
    while (words >> word && word != "-") {
    }
    words >> mount.type;
    mount.point = unescape(point);
    if (!mount.type.empty() && mount.point.starts_with('/')) mounts.push_back(mount);
  }
  return mounts;
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* found = nullptr;
  // Of two at the same point the later one covers the other.
  for (const auto& mount : mounts)
    if (is_below(path, mount.point) && (!found || mount.point.size() >= found->point.size())) found = &mount;
  return found;
}

std::vector<Mount> read_mounts() {
  const auto text = read_file("/proc/self/mountinfo");
  return text && *text ? parse_mountinfo(**text) : std::vector<Mount>();
}

}  // namespace virtsession
