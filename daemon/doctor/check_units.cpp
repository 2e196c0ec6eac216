// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr const char* kService = "virtsessiond.service";

/// The units that this machine's virtsession is made of.
std::vector<std::string> our_units(const Picture& picture) {
  const std::string daemon = "virtsession-" + picture.daemon;
  return {kService, daemon + ".socket", daemon + ".service", "virtsession-virtlogd.socket",
          "virtsession-virtlogd.service"};
}

/// Those of them that a person enables: the others come with them.
std::vector<std::string> enabled_units(const Picture& picture) {
  return {kService, "virtsession-" + picture.daemon + ".socket"};
}

bool is_known(const UnitFacts* unit) { return unit && unit->load_state != "not-found"; }
bool is_enabled(const UnitFacts& unit) { return unit.file_state.starts_with("enabled"); }

void check_manager(const Picture& picture, Report& report) {
  const auto& facts = picture.facts;
  const std::string folder = "/run/user/" + std::to_string(facts.machine.uid);
  if (facts.user_manager.error.empty())
    return report.ok("user-manager", "the user manager of " + facts.machine.user + " answers on the session bus");
  // After su or sudo the manager is there, and the way to it is not known.
  const bool lost = facts.machine.runtime_dir.empty();
  report.add("user-manager", Severity::problem, {},
             "the user manager of " + facts.machine.user + " cannot be asked: " + facts.user_manager.error +
                 (lost ? "; this is no login session of that user" : ""),
             lost ? "export XDG_RUNTIME_DIR=" + folder : "");
}

void check_installed(const Picture& picture, Report& report) {
  std::vector<std::string> missing;
  for (const auto& name : our_units(picture))
    if (!is_known(picture.facts.user_manager.unit(name)) && !name.starts_with("virtsession-virtlogd"))
      missing.push_back(name);
  if (missing.empty())
    return report.ok("unit-installed", "virtsession's units are installed, those of " + picture.daemon + " among them");
  report.add("unit-installed", Severity::problem, {},
             "the user manager does not know " + list_text(missing) +
                 "; they are not installed, or were installed since it looked",
             "systemctl --user daemon-reload || ./contrib/install.sh");
}

/// Enabling virtsessiond enables the sockets of the daemon that it was built for, too: those of another that is used
/// instead are to be the only ones.
std::string enable_command(const std::string& name, const Picture& picture) {
  const std::string enable = "systemctl --user enable --now " + name;
  const auto& built_in = picture.facts.libvirt.default_daemon;
  if (name != kService || picture.daemon == built_in) return enable;
  const std::string other = "virtsession-" + built_in;
  return enable + " && systemctl --user disable " + other + ".socket " + other +
         "-admin.socket && systemctl --user enable --now virtsession-" + picture.daemon + ".socket";
}

void check_enabled(const Picture& picture, Report& report) {
  bool service_off = false, socket_off = false;
  for (const auto& name : enabled_units(picture)) {
    const auto* const unit = picture.facts.user_manager.unit(name);
    if (!is_known(unit)) continue;
    if (unit->load_state == "masked" || unit->file_state.starts_with("masked")) {
      report.add("unit-enabled", Severity::problem, {}, name + " is masked: it cannot start at all",
                 "systemctl --user unmask " + name + " && " + enable_command(name, picture));
    } else if (!is_enabled(*unit)) {
      (name == kService ? service_off : socket_off) = true;
    } else {
      report.ok("unit-enabled", name + " starts at login");
    }
  }
  const std::string socket = enabled_units(picture)[1];
  if (service_off)
    report.add("unit-enabled", Severity::warning, {},
               kService + std::string(socket_off ? ", " + socket + " are" : " is") +
                   " not enabled: nothing starts VMs at login",
               enable_command(kService, picture));
  else if (socket_off)
    report.add("unit-enabled", Severity::warning, {},
               socket +
                   " is not enabled: virtsessiond starts it, and a client that comes before it forks a daemon of "
                   "its own",
               enable_command(socket, picture));
}

void check_active(const Picture& picture, Report& report) {
  for (const auto& name : enabled_units(picture)) {
    const auto* const unit = picture.facts.user_manager.unit(name);
    if (!is_known(unit) || unit->active_state == "failed") continue;
    if (unit->active_state == "inactive" || unit->active_state == "deactivating")
      report.add("unit-active", Severity::warning, {}, name + " is " + unit->active_state,
                 "systemctl --user start " + name);
    else
      report.ok("unit-active", name + " is " + unit->active_state);
  }
}

void check_failed(const Picture& picture, Report& report) {
  bool failed = false;
  for (const auto& name : our_units(picture)) {
    const auto* const unit = picture.facts.user_manager.unit(name);
    if (!unit) continue;
    const std::string why =
        unit->last_words.empty() ? "journalctl --user -u " + name + " says why" : "its last words: " + unit->last_words;
    if (unit->active_state == "failed")
      report.add("unit-failed", Severity::problem, {},
                 name + " failed" + (unit->result.empty() ? "" : " (" + unit->result + ")") + "; " + why,
                 "systemctl --user reset-failed " + name + " && systemctl --user restart " + name);
    else if (!unit->braked.empty())
      report.add("unit-failed", Severity::problem, {}, name + " does not stay up (" + unit->braked + "); " + why,
                 "systemctl --user restart " + name);
    else
      continue;
    failed = true;
  }
  if (!failed) report.ok("unit-failed", "none of virtsession's units has failed");
}

/// Both would listen for the same clients, and which of them is up after a login is chance, until virtsessiond is
/// there.
bool check_both_daemons(const Picture& picture, Report& report) {
  const std::string other = picture.daemon == "libvirtd" ? "virtqemud" : "libvirtd";
  const std::string used = "virtsession-" + picture.daemon + ".socket", spare = "virtsession-" + other + ".socket";
  for (const auto& name : {used, spare}) {
    const auto* const unit = picture.facts.user_manager.unit(name);
    if (!is_known(unit) || !is_enabled(*unit)) return false;
  }
  report.add("unit-conflict", Severity::warning, {},
             used + " and " + spare + " are both enabled, and only one of them can serve: it is " + picture.daemon,
             "systemctl --user disable " + spare + " virtsession-" + other + "-admin.socket");
  return true;
}

void check_conflicts(const Picture& picture, Report& report) {
  const bool both = check_both_daemons(picture, report);
  std::vector<std::string> others;
  for (const char* name : {"libvirtd.socket", "libvirtd.service", "virtqemud.socket", "virtqemud.service"}) {
    const auto* const unit = picture.facts.user_manager.unit(name);
    if (is_known(unit) && (unit->active_state == "active" || is_enabled(*unit))) others.emplace_back(name);
  }
  if (others.empty() && !both) return report.ok("unit-conflict", "no other user unit is for libvirt's session socket");
  if (others.empty()) return;
  std::string names;
  for (const auto& name : others) names += " " + name;
  report.add("unit-conflict", Severity::warning, {},
             list_text(others) + " of the user manager " + (others.size() == 1 ? "is" : "are") +
                 " for the same socket as virtsession's units: the first one has it",
             "systemctl --user disable --now" + names + " && systemctl --user restart virtsession-" + picture.daemon +
                 ".socket");
}

}  // namespace

void check_units(const Picture& picture, Report& report) {
  check_manager(picture, report);
  if (!picture.facts.user_manager.error.empty()) return;
  check_installed(picture, report);
  check_enabled(picture, report);
  check_active(picture, report);
  check_failed(picture, report);
  check_conflicts(picture, report);
}

}  // namespace virtsession
