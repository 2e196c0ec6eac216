// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/kernel_facts.hpp"

#include "util/path_walk.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace virtsession {

namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

bool is_online(const fs::path& supply) {
  const auto type = first_line(supply / "type");
  if (type != "Mains" && type != "USB") return false;
  const auto online = first_line(supply / "online");
  return !online.empty() && online != "0";  // 1 and 2: at a fixed and at a negotiated voltage
}

bool is_battery(const fs::path& supply) {
  return first_line(supply / "type") == "Battery" && first_line(supply / "scope") != "Device";
}

bool is_discharging(const fs::path& supply) {
  return is_battery(supply) && first_line(supply / "status") == "Discharging";
}

std::vector<fs::path> supplies_in(const fs::path& folder) {
  std::vector<fs::path> supplies;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    supplies.push_back(entry->path());
  return supplies;
}

}  // namespace

bool on_ac_power(const fs::path& power_supplies) {
  const auto supplies = supplies_in(power_supplies);
  // Batteries last and only if need be: the status of some is asked of slow firmware.
  return std::ranges::any_of(supplies, is_online) || std::ranges::none_of(supplies, is_discharging);
}

bool has_battery(const fs::path& power_supplies) {
  return std::ranges::any_of(supplies_in(power_supplies), is_battery);
}

std::optional<std::uint64_t> available_memory_mib(std::string_view meminfo) {
  constexpr std::string_view kKey = "MemAvailable:";
  auto at = meminfo.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  at = meminfo.find_first_not_of(' ', at + kKey.size());
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t kib = 0;
  const auto* const end = meminfo.data() + meminfo.size();
  if (std::from_chars(meminfo.data() + at, end, kib).ec != std::errc()) return std::nullopt;
  return kib / 1024;
}

std::optional<std::uint64_t> read_available_memory_mib(const fs::path& meminfo) {
  // The line is the third; one read of the whole would cost the kernel no less.
  std::ifstream stream(meminfo);
  for (std::string line; std::getline(stream, line);)
    if (const auto mib = available_memory_mib(line)) return mib;
  return std::nullopt;
}

PathFacts look_at_path(const std::string& path) {
  const auto walked = walk_path(path);
  return {.exists = walked.target.has_value(), .mounted = walked.mounted};
}

std::set<std::string> read_usb_devices(const fs::path& devices) {
  std::set<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(devices, error), end; !error && entry != end; entry.increment(error)) {
    const auto vendor = first_line(entry->path() / "idVendor"), product = first_line(entry->path() / "idProduct");
    if (!vendor.empty() && !product.empty()) found.insert(vendor + ":" + product);
  }
  return found;
}

std::optional<std::uint64_t> read_free_bytes(const std::string& file) {
  struct statvfs info {};
  if (statvfs(file.c_str(), &info) < 0) return std::nullopt;
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace virtsession
