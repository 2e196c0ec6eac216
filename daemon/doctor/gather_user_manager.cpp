// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "doctor/systemd_client.hpp"
#include "util/last_words.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace virtsession {
namespace {

constexpr const char* kServiceInterface = "org.freedesktop.systemd1.Service";
constexpr const char* kSocketInterface = "org.freedesktop.systemd1.Socket";

/// Ours, and those that guides make people write for libvirt's daemons.
const std::vector<std::string> kUnits{
    "virtsessiond.service",
    "virtsession-libvirtd.socket",
    "virtsession-libvirtd.service",
    "virtsession-virtqemud.socket",
    "virtsession-virtqemud.service",
    "virtsession-virtlogd.socket",
    "virtsession-virtlogd.service",
    "libvirtd.socket",
    "libvirtd.service",
    "virtqemud.socket",
    "virtqemud.service",
};

Result<void> read_units(SystemdClient& systemd, UserManagerFacts& facts) {
  const auto units = systemd.list(kUnits);
  if (!units) return units.error();
  for (const auto& listed : *units) {
    UnitFacts unit{listed.name, listed.load_state, listed.active_state, {}, {}, {}, {}};
    if (const auto state = systemd.file_state(unit.name)) unit.file_state = *state;  // else there is no such file
    if (unit.active_state == "failed")
      if (const auto why = systemd.text_property(
              listed.path, unit.name.ends_with(".socket") ? kSocketInterface : kServiceInterface, "Result"))
        unit.result = *why;
    // libvirt's own daemons say nothing before they are up: these are the words of --run-braked.
    if (unit.active_state == "activating" && unit.name.starts_with("virtsession-") && unit.name.ends_with(".service"))
      if (const auto status = systemd.text_property(listed.path, kServiceInterface, "StatusText"))
        unit.braked = *status;
    if (unit.active_state == "failed" || !unit.braked.empty())
      unit.last_words = last_words(unit.name, std::chrono::system_clock::now() - kRecentWords);
    facts.units.push_back(unit);
  }
  return {};
}

/// Less than what is waited for the whole, so that its error is seen.
std::chrono::milliseconds call_limit(const GatherOptions& options) { return options.limit * 3 / 4; }

/// As in a C string: logind names its file so (cescape() in its source), and a user of a domain may be "DOM\\ann".
std::string escaped(const std::string& user) {
  std::string text;
  for (const char c : user) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"' || c == '\'')
      text += {'\\', c};
    else if (byte < ' ' || byte >= 0x7f)
      text += fmt::format("\\{:03o}", byte);  // logind lets nobody in whose name has \n, \t and the like
    else
      text += c;
  }
  return text;
}

/// Where logind keeps it; see loginctl(1), enable-linger.
std::optional<bool> lingers(const GatherOptions& options, const std::string& user) {
  const std::string path = options.linger_folder + "/" + escaped(user);
  if (access(path.c_str(), F_OK) == 0) return true;
  return errno == ENOENT ? std::optional(false) : std::nullopt;
}

}  // namespace

UserManagerFacts gather_user_manager(const GatherOptions& options, const MachineFacts& machine) {
  UserManagerFacts facts;
  facts.linger = lingers(options, machine.user);
  if (options.session_bus.empty()) {
    facts.error = "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set";
    return facts;
  }
  auto systemd = SystemdClient::connect(options.session_bus, call_limit(options));
  if (!systemd) {
    facts.error = systemd.error().message;
    return facts;
  }
  SystemdClient client = std::move(systemd).value();
  if (const auto variables = client.environment()) facts.folders = folders_in(*variables);
  if (const auto read = read_units(client, facts); !read) facts.error = read.error().message;
  return facts;
}

std::optional<std::uint64_t> gather_stop_budget(const GatherOptions& options, const MachineFacts& machine) {
  auto systemd = SystemdClient::connect(options.system_bus, call_limit(options));
  if (!systemd) return std::nullopt;
  SystemdClient client = std::move(systemd).value();
  const auto path = client.path_of("user@" + std::to_string(machine.uid) + ".service");
  if (!path) return std::nullopt;
  const auto budget = client.number_property(*path, kServiceInterface, "TimeoutStopUSec");
  return budget ? std::optional(*budget) : std::nullopt;
}

}  // namespace virtsession
