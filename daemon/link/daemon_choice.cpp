// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/daemon_choice.hpp"

#include "util/build_config.hpp"
#include "util/listening_sockets.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibvirtdName = "libvirtd";
constexpr const char* kVirtqemudName = "virtqemud";

std::string socket_unit_of(const std::string& daemon) { return "virtsession-" + daemon + ".socket"; }

/// As `systemctl --user enable` and `mask` leave it, of a user, of an administrator, or for this boot: the manager
/// itself could only be asked over the bus, and later.
bool is_enabled(const std::string& unit, const std::vector<std::string>& folders) {
  std::error_code ignored;
  const auto masks = [&](const std::string& folder) {
    return fs::read_symlink(folder + "/" + unit, ignored) == "/dev/null";
  };
  const auto wants = [&](const std::string& folder) {
    return fs::is_symlink(folder + "/sockets.target.wants/" + unit, ignored);
  };
  return std::ranges::any_of(folders, wants) && std::ranges::none_of(folders, masks);
}

}  // namespace

std::string other_daemon(const std::string& daemon) { return daemon == kLibvirtdName ? kVirtqemudName : kLibvirtdName; }

std::string daemon_socket(const std::string& runtime_dir, const std::string& daemon) {
  return runtime_dir + "/libvirt/" + (daemon == kLibvirtdName ? "libvirt-sock" : "virtqemud-sock");
}

DaemonFacts read_daemon_facts(const std::string& runtime_dir, const std::string& config_home) {
  const std::vector<std::string> folders{config_home + "/systemd/user", runtime_dir + "/systemd/user",
                                         "/etc/systemd/user", "/run/systemd/user"};
  const auto sockets = listening_sockets();
  const auto look = [&](const char* program, const char* name) {
    return DaemonFacts::OfDaemon{
        .installed = access(program, X_OK) == 0,
        .enabled = is_enabled(socket_unit_of(name), folders),
        .listens = sockets && find_listening(*sockets, daemon_socket(runtime_dir, name)) != nullptr};
  };
  return {.libvirtd = look(build::kLibvirtd, kLibvirtdName),
          .virtqemud = look(build::kVirtqemud, kVirtqemudName),
          .built_in = std::string(build::kDefaultDaemon)};
}

std::string choose_daemon(LibvirtDaemonChoice wanted, const DaemonFacts& facts) {
  switch (wanted) {
    case LibvirtDaemonChoice::libvirtd:
      return kLibvirtdName;
    case LibvirtDaemonChoice::virtqemud:
      return kVirtqemudName;
    case LibvirtDaemonChoice::automatic:
      break;
  }
  const auto &libvirtd = facts.libvirtd, &virtqemud = facts.virtqemud;
  if (libvirtd.installed != virtqemud.installed) return libvirtd.installed ? kLibvirtdName : kVirtqemudName;
  if (libvirtd.enabled != virtqemud.enabled) return libvirtd.enabled ? kLibvirtdName : kVirtqemudName;
  if (!libvirtd.enabled && libvirtd.listens != virtqemud.listens)
    return libvirtd.listens ? kLibvirtdName : kVirtqemudName;
  return facts.built_in;
}

std::optional<Problem> daemon_problem(LibvirtDaemonChoice wanted, const DaemonFacts& facts) {
  if (wanted == LibvirtDaemonChoice::automatic) return std::nullopt;
  if (wanted == LibvirtDaemonChoice::libvirtd ? facts.libvirtd.installed : facts.virtqemud.installed)
    return std::nullopt;
  return Problem{"/libvirt_daemon", "libvirt_daemon is " + std::string(to_text(wanted)) + ", which is not installed",
                 "auto is the default, and takes the one that is", ProblemCode::not_possible};
}

std::string choice_warning(const DaemonFacts& facts, const std::string& chosen) {
  if (!facts.libvirtd.enabled || !facts.virtqemud.enabled || !facts.libvirtd.installed || !facts.virtqemud.installed)
    return {};
  const auto other = socket_unit_of(other_daemon(chosen));
  return "The sockets of libvirtd and virtqemud are both enabled, and only one can serve: it is " + chosen + ", and " +
         other + " is stopped. To settle it: systemctl --user disable " + other +
         " (or mask, when it is enabled for all users)";
}

}  // namespace virtsession
