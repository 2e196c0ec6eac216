// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/words.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr const char* kSession = "qemu:///session";
constexpr const char* kSystem = "qemu:///system";

std::string user_conf(const DoctorFacts& facts) { return facts.machine.config_home + "/libvirt/libvirt.conf"; }

/// What makes plain virsh reach the session, by what keeps it from that.
std::string fix_for(const DoctorFacts& facts) {
  const auto& uri = facts.uri;
  const bool is_root = facts.machine.uid == 0;
  if (!uri.virsh_variable.empty()) return "unset VIRSH_DEFAULT_CONNECT_URI";
  if (!uri.libvirt_variable.empty()) return std::string("export LIBVIRT_DEFAULT_URI=") + kSession;
  if (is_root) return {};  // root's session would be a session of root's
  const std::string path = shell_word(user_conf(facts));
  return "sed -i 's|^ *uri_default *=.*|uri_default = \"" + std::string(kSession) + "\"|' " + path;
}

void check_default(const DoctorFacts& facts, std::size_t count, Report& report) {
  const auto found = default_uri(facts);
  const std::string seen = "a plain virsh reaches " + found.uri + ", " + found.why;
  if (found.uri == kSession) return report.ok(kDefaultUriCheck, seen);
  report.add(kDefaultUriCheck, count == 0 ? Severity::note : Severity::warning, {},
             seen + (count == 0 ? "" : "; the " + count_text(count, "VM") + " of the session do not show there"),
             fix_for(facts));
}

void check_etc(const DoctorFacts& facts, Report& report) {
  const auto& uri = facts.uri;
  if (uri.etc_conf.empty() || facts.machine.uid == 0) return;
  report.add(kDefaultUriCheck, Severity::note, {},
             "uri_default = " + uri.etc_conf + " in /etc/libvirt/libvirt.conf counts for root only, not for " +
                 facts.machine.user);
}

std::string more(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  if (names.size() <= kShown) return list_text(names);
  return list_text({names.begin(), names.begin() + kShown}) + " ...";
}

void check_system(const Picture& picture, Report& report) {
  using Answer = SystemLibvirtFacts::Answer;
  const auto& system = picture.facts.uri.system;
  const std::string uri = kSystem;
  if (system.answer == Answer::too_late)
    return report.add("uri-system-vms", Severity::warning, {},
                      "the system's libvirt listens at " + system.socket + " and does not answer",
                      "sudo systemctl restart " +
                          std::string(system.socket.find("virtqemud") == std::string::npos ? "libvirtd" : "virtqemud"));
  if (const auto vms = system_vms_text(system))
    return report.add("uri-system-vms", Severity::note, {},
                      *vms + "; that is not the session, and virtsession does not look after VMs there",
                      "virtsessionctl list --system");
  if (system.answer == Answer::answered) return report.ok("uri-system-vms", uri + " has no VMs");
  if (system.answer == Answer::failed)
    return report.ok("uri-system-vms", uri + " does not tell without a password: " + system.error);
  report.ok("uri-system-vms", uri + (system.answer == Answer::not_running ? " does not run now" : " is not there") +
                                  (system.definitions ? ", and has no VMs" : ""));
}

void check_other_users(const Picture& picture, Report& report) {
  const auto& others = picture.facts.others_vms;
  for (const auto& other : others) {
    const auto is_it = [&](const CheckedVm& checked) { return checked.vm.name == other.name; };
    const bool same = std::ranges::any_of(picture.vms, is_it);
    report.add("uri-other-users", Severity::note, {},
               "VM \"" + other.name + "\" runs in the session of " + other.user +
                   (other.user == "root" ? ", where virsh looks when it is run with sudo" : "") +
                   (same ? "; it is not this user's VM of that name" : "; this user's virsh does not see it"));
  }
  if (others.empty()) report.ok("uri-other-users", "no VM is seen to run in another user's session");
}

}  // namespace

std::optional<std::string> system_vms_text(const SystemLibvirtFacts& system) {
  using Answer = SystemLibvirtFacts::Answer;
  const std::string uri = kSystem;
  if (!system.vms.empty()) return uri + " has " + count_text(system.vms.size(), "VM") + " (" + more(system.vms) + ")";
  if (system.answer == Answer::answered || system.definitions.value_or(0) == 0) return std::nullopt;
  const bool off = system.answer == Answer::not_running || system.answer == Answer::no_socket;
  return uri + (off ? " does not run now, and has " : " has ") + count_text(*system.definitions, "VM") + " defined";
}

DefaultUri default_uri(const DoctorFacts& facts) {
  const auto& uri = facts.uri;
  if (!uri.virsh_variable.empty()) return {uri.virsh_variable, "by VIRSH_DEFAULT_CONNECT_URI in the environment"};
  if (!uri.libvirt_variable.empty()) return {uri.libvirt_variable, "by LIBVIRT_DEFAULT_URI in the environment"};
  // libvirt reads one file only; see virConfLoadConfigPath in its source.
  const bool is_root = facts.machine.uid == 0;
  if (is_root && !uri.etc_conf.empty()) return {uri.etc_conf, "by uri_default in /etc/libvirt/libvirt.conf"};
  if (!is_root && !uri.user_conf.empty()) return {uri.user_conf, "by uri_default in " + user_conf(facts)};
  if (is_root) return {kSystem, "since it runs as root"};
  return {kSession, "since it does not run as root"};
}

std::vector<Finding> diagnose_environment(const DoctorFacts& facts, std::size_t vms) {
  Report report;
  check_folders(facts, report);
  check_default(facts, vms, report);
  check_etc(facts, report);
  return report.take();
}

void check_uri(const Picture& picture, Report& report) {
  check_folders(picture.facts, report);
  check_default(picture.facts, picture.vms.size(), report);
  check_etc(picture.facts, report);
  check_system(picture, report);
  check_other_users(picture, report);
}

}  // namespace virtsession
