// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"
#include "doctor/gatherers.hpp"
#include "util/files.hpp"

#include <charconv>
#include <sstream>
#include <string_view>

namespace virtsession {
namespace {

struct Limit {
  std::optional<std::uint64_t> soft;
  std::optional<std::uint64_t> hard;
};

/// A number, or what stands for none at all: "unlimited" in /proc, "max" in a cgroup.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text == "unlimited" || text == "max") return kUnlimited;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text || !*text) return std::nullopt;
  return number((*text)->substr(0, (*text)->find('\n')));
}

/// One row of /proc/PID/limits: "Max open files   1024   524288   files".
Limit limit_in(const std::string& text, const std::string& name) {
  const auto at = text.find(name + "  ");
  if (at == std::string::npos) return {};
  std::istringstream words(text.substr(at + name.size()));
  std::string soft, hard;
  words >> soft >> hard;
  return {number(soft), number(hard)};
}

std::string text_in(const std::string& path) {
  const auto text = read_file(path);
  return text && *text ? **text : std::string();
}

std::string user_unit(const MachineFacts& machine) { return "user@" + std::to_string(machine.uid) + ".service"; }
std::string user_slice(const MachineFacts& machine) { return "user-" + std::to_string(machine.uid) + ".slice"; }

/// Whose limits VMs inherit: libvirt's daemon's, or what it will be started by.
std::string read_limits(const GatherOptions& options, const MachineFacts& machine, pid_t daemon, LimitFacts& facts) {
  if (daemon > 0) {
    if (auto text = text_in("/proc/" + std::to_string(daemon) + "/limits"); !text.empty()) {
      facts.owner = "libvirt's daemon (pid " + std::to_string(daemon) + ")";
      return text;
    }
  }
  const std::string processes = text_in(options.sys + "/fs/cgroup/user.slice/" + user_slice(machine) + "/" +
                                        user_unit(machine) + "/init.scope/cgroup.procs");
  const std::string manager = processes.substr(0, processes.find('\n'));
  if (!manager.empty()) {
    if (auto text = text_in("/proc/" + manager + "/limits"); !text.empty()) {
      facts.owner = "the user manager (pid " + manager + ")";
      return text;
    }
  }
  facts.owner = "this process";
  return text_in("/proc/self/limits");
}

/// max_core may be "unlimited".
std::optional<std::uint64_t> setting(const std::map<std::string, std::string>& settings, const std::string& key) {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  const auto value = number(found->second);
  return value == 0 ? std::nullopt : value;  // libvirt takes 0 as not set
}

void read_slices(const GatherOptions& options, const MachineFacts& machine, LimitFacts& facts) {
  std::string folder = options.sys + "/fs/cgroup";
  for (const std::string& unit :
       {std::string("user.slice"), user_slice(machine), user_unit(machine), std::string("virtsession.slice")}) {
    folder += "/" + unit;
    SliceFacts slice;
    slice.unit = unit;
    slice.memory_max = number_in(folder + "/memory.max");
    slice.tasks_max = number_in(folder + "/pids.max");
    slice.tasks = number_in(folder + "/pids.current").value_or(0);
    if (slice.memory_max || slice.tasks_max) facts.slices.push_back(slice);
  }
}

}  // namespace

LimitFacts gather_limits(const GatherOptions& options, const MachineFacts& machine, pid_t daemon) {
  LimitFacts facts;
  const std::string text = read_limits(options, machine, daemon, facts);
  const Limit files = limit_in(text, "Max open files");
  facts.open_files_soft = files.soft;
  facts.open_files_hard = files.hard;
  facts.locked_memory = limit_in(text, "Max locked memory").hard;
  facts.file_size = limit_in(text, "Max file size").soft;
  facts.core = limit_in(text, "Max core file size").hard;
  facts.processes = limit_in(text, "Max processes").hard;

  const auto settings = parse_libvirt_conf(text_in(options.config_home + "/libvirt/qemu.conf"));
  facts.conf_core = setting(settings, "max_core");
  facts.conf_core_none = settings.contains("max_core") && !facts.conf_core;
  facts.conf_files = setting(settings, "max_files");
  facts.conf_processes = setting(settings, "max_processes");
  read_slices(options, machine, facts);
  return facts;
}

}  // namespace virtsession
