// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/words.hpp"

#include <algorithm>
#include <sstream>

namespace virtsession {
namespace {

constexpr std::size_t kTopic = 12;
constexpr std::size_t kCell = 41;

struct Row {
  std::string topic;
  std::string session;
  std::string system;
};

/// Breaks a text between words. A word that is longer than a cell stays whole.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line = padded(cells[0], kTopic) + "  " + padded(cells[1], kCell) + "  " + cells[2];
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string text_of(const Row& row) {
  const std::vector<std::vector<std::string>> columns{
      {row.topic}, wrapped(row.session, kCell), wrapped(row.system, kCell)};
  std::string text;
  for (std::size_t i = 0; i < std::max(columns[1].size(), columns[2].size()); ++i) {
    std::vector<std::string> cells;
    for (const auto& column : columns) cells.push_back(i < column.size() ? column[i] : "");
    text += line_of(cells);
  }
  return text;
}

std::string session_networks(const DoctorFacts& facts) {
  std::vector<std::string> ways;
  if (facts.network.qemu_user == true) ways.emplace_back("user (slirp)");
  if (!facts.network.passt.empty()) ways.emplace_back("user (passt, where libvirt has it)");
  const bool may_bridge = !facts.network.helper.empty() && !facts.network.helper_nosuid &&
                          (facts.network.helper_setuid_root || facts.network.helper_has_net_admin);
  ways.emplace_back(may_bridge ? "bridges that /etc/qemu/bridge.conf allows" : "no bridges: the helper may not");
  return list_text(ways);
}

std::string session_reach(const DoctorFacts& facts) {
  using Answer = LibvirtFacts::Answer;
  switch (facts.libvirt.answer) {
    case Answer::answered:
      return "yes: libvirt " + version_text(facts.libvirt.version) + " answers";
    case Answer::failed:
      return "no: " + facts.libvirt.error;
    case Answer::too_late:
      return "no: it does not answer";
    case Answer::not_allowed_to_ask:
      return "it runs";
    case Answer::not_running:
      break;
  }
  const auto listens = [](const DaemonSocket& socket) {
    return socket.daemon != "virtlogd" && socket.state == SocketState::listening;
  };
  return std::ranges::any_of(facts.libvirt.sockets, listens) ? "yes: systemd starts it when a client comes"
                                                             : "a client would start it";
}

std::string system_reach(const SystemLibvirtFacts& system) {
  using Answer = SystemLibvirtFacts::Answer;
  switch (system.answer) {
    case Answer::answered:
      return "yes, to look (read-only, without a password)";
    case Answer::failed:
      return "not without a password: " + system.error;
    case Answer::too_late:
      return "no: it does not answer";
    case Answer::not_running:
      return "it does not run now";
    case Answer::no_socket:
      break;
  }
  return "no: there is no socket that this user may use";
}

std::string session_vms(const Picture& picture) {
  const auto active = names_of(picture, [](const CheckedVm& checked) { return checked.vm.active; });
  return std::to_string(picture.vms.size()) + ", " + std::to_string(active.size()) + " of them running";
}

std::string system_vms(const SystemLibvirtFacts& system) {
  if (system.answer == SystemLibvirtFacts::Answer::answered) return std::to_string(system.vms.size());
  return system.definitions ? std::to_string(*system.definitions) + " defined" : "not known";
}

std::string session_socket(const Picture& picture) {
  for (const auto& socket : picture.facts.libvirt.sockets)
    if (socket.daemon != "virtlogd" && socket.state == SocketState::listening) return socket.path;
  const auto* const socket = picture.facts.libvirt.socket(picture.daemon);
  return socket ? socket->path + " (nobody listens)" : "none: there is no XDG_RUNTIME_DIR";
}

bool lingers(const DoctorFacts& facts) {
  if (facts.supervised && facts.supervised->linger) return *facts.supervised->linger;
  return facts.user_manager.linger.value_or(false);
}

}  // namespace

std::string system_or_session_page(const DoctorFacts& facts) {
  const Picture picture(facts);
  const auto& system = facts.uri.system;
  const std::string user = facts.machine.user;
  const std::vector<Row> rows{
      {"", "qemu:///session", "qemu:///system"},
      {"", "---------------", "--------------"},
      {"runs as", user + ", and so do its VMs", "root; its VMs as a user of their own"},
      {"password", "never", "root's, or membership in group libvirt"},
      {"networking", session_networks(facts), "libvirt's networks (NAT), bridges, macvtap"},
      {"VMs lie in", facts.machine.config_home + "/libvirt/qemu", "/etc/libvirt/qemu"},
      {"images", "anywhere that " + user + " may write", "/var/lib/libvirt/images, as a rule"},
      {"socket", session_socket(picture), system.socket.empty() ? "/run/libvirt/" : system.socket},
      {"autostart",
       std::string("by virtsession, ") + (lingers(facts) ? "at boot (lingering is on)" : "at the first login"),
       "by the system's libvirt, at boot"},
      {"reachable", session_reach(facts), system_reach(system)},
      {"to move a VM", "to the system: virtsessionctl move VM", "to the session: virtsessionctl move VM"},
      {"VMs", session_vms(picture), system_vms(system)},
  };
  std::string page;
  for (const auto& row : rows) page += text_of(row);
  const auto uri = default_uri(facts);
  page += "\nA plain virsh reaches " + uri.uri + ", " + uri.why + ". To say which: virsh -c qemu:///session ...\n" +
          "The two do not see each other's VMs. virtsession looks after those of the session.\n"
          "What a move would change: virtsessionctl move VM --dry-run, and virtsession-move(7).\n";
  return page;
}

}  // namespace virtsession
