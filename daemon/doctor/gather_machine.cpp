// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"
#include "doctor/gatherers.hpp"
#include "doctor/run_program.hpp"
#include "util/files.hpp"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace virtsession {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string absolute_path_from(const char* name) {
  std::string path = variable(name);
  return path.starts_with('/') ? path : "";
}

struct UserEntry {
  std::string name;
  std::string home;
};

UserEntry user_entry(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return {found->pw_name, found->pw_dir};
}

}  // namespace

GatherOptions options_from_environment() {
  GatherOptions options;
  options.config_home = absolute_path_from("XDG_CONFIG_HOME");
  if (options.config_home.empty()) {
    std::string home = absolute_path_from("HOME");
    if (home.empty()) home = user_entry(geteuid()).home;
    options.config_home = home + "/.config";
  }
  options.runtime_dir = absolute_path_from("XDG_RUNTIME_DIR");
  options.session_bus = variable("DBUS_SESSION_BUS_ADDRESS");
  if (options.session_bus.empty() && !options.runtime_dir.empty())
    options.session_bus = "unix:path=" + options.runtime_dir + "/bus";
  options.system_bus = variable("DBUS_SYSTEM_BUS_ADDRESS");
  if (options.system_bus.empty()) options.system_bus = "unix:path=/run/dbus/system_bus_socket";
  options.libvirt_variable = variable("LIBVIRT_DEFAULT_URI");
  options.virsh_variable = variable("VIRSH_DEFAULT_CONNECT_URI");
  options.libvirt_starts_nothing = variable("LIBVIRT_AUTOSTART") == "0";
  return options;
}

GatherOptions options_that_start_nothing() {
  setenv("LIBVIRT_AUTOSTART", "0", 1);
  return options_from_environment();
}

MachineFacts gather_machine(const GatherOptions& options) {
  MachineFacts machine;
  const auto text = read_file(options.etc + "/os-release");
  if (text && *text) machine.distribution = parse_distribution(**text);
  machine.uid = geteuid();
  machine.user = user_entry(geteuid()).name;
  if (machine.user.empty()) machine.user = std::to_string(machine.uid);
  machine.config_home = options.config_home;
  machine.runtime_dir = options.runtime_dir;
  machine.folders = own_folders();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  machine.now_sec = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return machine;
}

std::string find_qemu(const GatherOptions& options) {
#if defined(__x86_64__)
  constexpr const char* kNames[] = {"qemu-system-x86_64", "qemu-kvm"};
#elif defined(__aarch64__)
  constexpr const char* kNames[] = {"qemu-system-aarch64", "qemu-kvm"};
#elif defined(__riscv)
  constexpr const char* kNames[] = {"qemu-system-riscv64", "qemu-kvm"};
#elif defined(__powerpc64__)
  constexpr const char* kNames[] = {"qemu-system-ppc64", "qemu-kvm"};
#elif defined(__s390x__)
  constexpr const char* kNames[] = {"qemu-system-s390x", "qemu-kvm"};
#else
  constexpr const char* kNames[] = {"qemu-kvm"};
#endif
  for (const char* name : kNames)
    if (auto path = find_program(name, options.program_folders); !path.empty()) return path;
  return {};
}

}  // namespace virtsession
