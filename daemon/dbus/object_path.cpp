// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/object_path.hpp"

#include <algorithm>
#include <cstddef>

namespace virtsession {

namespace {

constexpr std::string_view kVmPrefix = "/org/virtsession/Supervisor1/vm/_";
constexpr std::string_view kUuidShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

bool allowed_in_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hexadecimal = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (kUuidShape[i] == '-' ? c != '-' : !hexadecimal) return false;
  }
  return true;
}

std::string object_path(std::string_view uuid) {
  std::string path(kVmPrefix);
  std::ranges::transform(uuid, std::back_inserter(path), [](char c) { return allowed_in_path(c) ? c : '_'; });
  return path;
}

std::optional<std::string> uuid_of_path(std::string_view path) {
  if (!path.starts_with(kVmPrefix)) return std::nullopt;
  std::string uuid(path.substr(kVmPrefix.size()));
  std::ranges::replace(uuid, '_', '-');
  if (!is_uuid(uuid)) return std::nullopt;
  return uuid;
}

}  // namespace virtsession
