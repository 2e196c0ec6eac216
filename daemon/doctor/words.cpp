// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/words.hpp"

#include "core/list_text.hpp"

#include <fmt/format.h>

namespace virtsession {

std::string size_text(std::uint64_t bytes) {
  if (bytes == kUnlimited) return "unlimited";
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  constexpr const char* kPrefixes[] = {"KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kPrefixes)) {
    size /= 1024;
    ++unit;
  }
  std::string number = fmt::format("{:.1f}", size);
  if (number.ends_with(".0")) number.resize(number.size() - 2);
  return number + " " + kPrefixes[unit];
}

std::string version_text(unsigned long version) {
  return fmt::format("{}.{}.{}", version / 1000000, version / 1000 % 1000, version % 1000);
}

std::string count_text(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string duration_text(std::int64_t seconds) {
  constexpr std::int64_t kDay = 86400;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200)
    return seconds % 60 == 0 ? fmt::format("{} min", seconds / 60)
                             : fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / kDay);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string virsh_command(const std::string& verb, const std::string& vm) {
  return "virsh -c qemu:///session " + verb + " " + shell_word(vm);
}

std::string install_command(Distribution distribution, const Package& package) {
  switch (distribution) {
    case Distribution::debian:
      return std::string("sudo apt install ") + package.debian;
    case Distribution::fedora:
      return std::string("sudo dnf install ") + package.fedora;
    case Distribution::arch:
      return std::string("sudo pacman -S ") + package.arch;
    case Distribution::other:
      break;
  }
  return {};
}

std::string user_drop_in(const std::string& unit, const std::string& setting) {
  const std::string folder = "~/.config/systemd/user/" + unit + ".d";
  return "mkdir -p " + folder + " && printf '[Service]\\n" + setting + "\\n' >> " + folder +
         "/doctor.conf && systemctl --user daemon-reload && systemctl --user restart " + unit;
}

std::string system_drop_in(const std::string& unit, const std::string& setting) {
  const std::string folder = "/etc/systemd/system/" + unit + ".d";
  return "sudo mkdir -p " + folder + " && printf '[Service]\\n" + setting + "\\n' | sudo tee -a " + folder +
         "/virtsession.conf && sudo systemctl daemon-reload";
}

}  // namespace virtsession
