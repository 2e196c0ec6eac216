// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"
#include "doctor/gatherers.hpp"
#include "libvirt/error.hpp"
#include "libvirt/event_thread.hpp"
#include "libvirt/raii.hpp"
#include "util/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

std::string uri_default(const std::string& path) {
  const auto text = read_file(path);
  if (!text || !*text) return {};
  const auto settings = parse_libvirt_conf(**text);
  const auto found = settings.find("uri_default");
  return found == settings.end() ? std::string() : found->second;
}

/// How many domains are defined there, where others may look into the folder.
std::optional<unsigned> count_definitions(const std::string& folder) {
  std::error_code error;
  unsigned count = 0;
  fs::directory_iterator entry(folder, error);
  if (error) return std::nullopt;
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".xml") ++count;
  return count;
}

}  // namespace

UriFacts gather_uri(const GatherOptions& options) {
  UriFacts facts;
  facts.virsh_variable = options.virsh_variable;
  facts.libvirt_variable = options.libvirt_variable;
  facts.user_conf = uri_default(options.config_home + "/libvirt/libvirt.conf");
  facts.etc_conf = uri_default(options.etc + "/libvirt/libvirt.conf");
  return facts;
}

SystemLibvirtFacts find_system_libvirt(const GatherOptions& options, const std::vector<ProcessInfo>& processes) {
  constexpr std::array<std::pair<const char*, const char*>, 2> kReadOnlySockets{
      {{"virtqemud", "virtqemud-sock-ro"}, {"libvirtd", "libvirt-sock-ro"}}};
  SystemLibvirtFacts facts;
  facts.definitions = count_definitions(options.etc + "/libvirt/qemu");
  for (const auto& [program, name] : kReadOnlySockets) {
    const std::string daemon = program;
    const std::string path = options.run + "/libvirt/" + name;
    if (access(path.c_str(), W_OK) < 0) continue;
    if (facts.socket.empty()) facts.socket = path;
    // Behind its socket a daemon may be asleep, and would be woken up.
    const auto runs = [&](const ProcessInfo& process) { return process.uid == 0 && process.name == daemon; };
    if (!std::ranges::any_of(processes, runs)) continue;
    facts.socket = path;
    facts.answer = SystemLibvirtFacts::Answer::too_late;  // until it answers
    return facts;
  }
  if (!facts.socket.empty()) facts.answer = SystemLibvirtFacts::Answer::not_running;
  return facts;
}

SystemLibvirtFacts ask_system_libvirt(SystemLibvirtFacts found, const std::string& uri) {
  const auto events = EventThread::share();
  found.answer = SystemLibvirtFacts::Answer::failed;
  // Read-only needs no password by libvirt's own policy, and without callbacks nobody could be asked for one.
  const ConnectPtr connection(virConnectOpenReadOnly(uri.c_str()));
  virDomainPtr* listed = nullptr;
  const int count = connection ? virConnectListAllDomains(connection.get(), &listed, 0) : -1;
  if (count < 0) {
    found.error = take_last_error().message;
    return found;
  }
  for (int i = 0; i < count; ++i) {
    const DomainPtr domain(listed[i]);
    found.vms.emplace_back(virDomainGetName(domain.get()));
  }
  std::free(listed);
  std::ranges::sort(found.vms);
  found.answer = SystemLibvirtFacts::Answer::answered;
  return found;
}

}  // namespace virtsession
