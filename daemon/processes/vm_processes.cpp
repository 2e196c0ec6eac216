// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/vm_processes.hpp"

#include "processes/pidfd.hpp"
#include "util/files.hpp"
#include "util/proc.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>

namespace virtsession {

namespace {

namespace fs = std::filesystem;

using namespace std::string_literals;

/// libvirt cuts names in names of files after so many characters (virDomainDefGetShortName); a name of more bytes has
/// at least this many of them left.
constexpr std::size_t kShortName = 20;

pid_t to_pid(std::string_view text) {
  pid_t pid = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), pid);
  return result.ec == std::errc() && pid > 0 ? pid : 0;
}

pid_t pid_in(const fs::path& file) {
  const auto text = read_file(file);
  return text && *text ? to_pid(**text) : 0;
}

/// Arguments end with a NUL.
bool is_qemu(pid_t pid, const std::string& uuid) {
  return is_ours(pid) && read_proc(pid, "cmdline").find("\0-uuid\0"s + uuid + '\0') != std::string::npos;
}

bool is_any_qemu(pid_t pid) { return read_proc(pid, "cmdline").find("\0-uuid\0"s) != std::string::npos; }

/// The folder of the session daemon's that the variable, else `fallback` in the home folder, leads to; or nothing.
fs::path qemu_folder(const char* variable, const char* fallback, const char* name) {
  if (const char* const value = std::getenv(variable); value != nullptr && *value == '/')
    return fs::path(value) / "libvirt/qemu" / name;
  const char* const home = std::getenv("HOME");
  if (fallback == nullptr || home == nullptr) return {};
  return fs::path(home) / fallback / "libvirt/qemu" / name;
}
fs::path run_folder() { return qemu_folder("XDG_RUNTIME_DIR", nullptr, "run"); }
fs::path lib_folder() { return qemu_folder("XDG_CONFIG_HOME", ".config", "lib"); }

/// Calls `visit` with each entry of a folder; for one that is not there, or goes meanwhile, with none.
template <class Visit>
void each_entry(const fs::path& folder, Visit visit) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) visit(*entry);
}

pid_t find_qemu(const std::string& name, const std::string& uuid) {
  if (const auto folder = run_folder(); !folder.empty())
    if (const pid_t pid = pid_in(folder / (name + ".pid")); pid > 0 && is_qemu(pid, uuid)) return pid;
  pid_t found = 0;
  each_entry("/proc", [&](const fs::directory_entry& entry) {
    if (found > 0) return;
    if (const pid_t pid = to_pid(entry.path().filename().string()); pid > 0 && is_qemu(pid, uuid)) found = pid;
  });
  return found;
}

/// Whether `text` goes on as a VM's short name "ID-NAME" does, and then with `next`.
bool is_named(std::string_view text, const std::string& name, int domain_id, char next) {
  const auto begin = fmt::format("{}-{}", domain_id, name.substr(0, kShortName));
  if (!text.starts_with(begin)) return false;
  return name.size() > kShortName || text.substr(begin.size()).starts_with(next);
}

/// What the pid files say, in whatever folder a kind of helper has them: "run/swtpm/ID-NAME-swtpm.pid",
/// "run/ID-NAME-fs0-fs.pid", and those of block devices in "lib/domain-ID-NAME/".
std::set<pid_t> pids_in_files(const std::string& name, int domain_id) {
  std::set<pid_t> pids;
  const auto take = [&](const fs::path& file) {
    if (file.extension() != ".pid") return;
    if (const pid_t pid = pid_in(file); pid > 0) pids.insert(pid);
  };
  const auto take_if_named = [&](const fs::directory_entry& entry) {
    if (is_named(entry.path().filename().string(), name, domain_id, '-')) take(entry.path());
  };
  std::error_code ignored;
  if (const auto folder = run_folder(); !folder.empty())
    each_entry(folder, [&](const fs::directory_entry& entry) {
      if (entry.is_directory(ignored))
        each_entry(entry.path(), take_if_named);
      else
        take_if_named(entry);
    });
  if (const auto folder = lib_folder(); !folder.empty())
    each_entry(folder, [&](const fs::directory_entry& entry) {
      const std::string_view prefix = "domain-";
      const auto file_name = entry.path().filename().string() + '/';
      if (!file_name.starts_with(prefix)) return;
      if (!is_named(std::string_view(file_name).substr(prefix.size()), name, domain_id, '/')) return;
      each_entry(entry.path(), [&](const fs::directory_entry& file) { take(file.path()); });
    });
  return pids;
}

/// A pid file may be left over, and the pid somebody else's by now: a helper is where QEMU is, or still with the daemon
/// that has started it. Another VM may have a name that looks like a helper's.
bool is_helper(pid_t pid, pid_t qemu, const std::string& unit_of_qemu) {
  if (pid == qemu || !is_ours(pid) || is_any_qemu(pid)) return false;
  const auto unit = unit_of(pid);
  return unit == unit_of_qemu || unit == "virtsession-libvirtd.service" || unit == "virtsession-virtqemud.service";
}

Error no_process(const std::string& name, const std::string& reason) {
  return {ErrorCode::operation_failed, fmt::format("Failed to terminate the QEMU of VM \"{}\": {}", name, reason)};
}

}  // namespace

std::optional<VmProcesses> find_vm_processes(const std::string& name, const std::string& uuid, int domain_id) {
  VmProcesses found{find_qemu(name, uuid), {}};
  if (found.qemu == 0) return std::nullopt;
  const auto unit = unit_of(found.qemu);
  for (const pid_t pid : pids_in_files(name, domain_id))
    if (is_helper(pid, found.qemu, unit)) found.helpers.push_back(pid);
  return found;
}

Result<UniqueFd> terminate_qemu(const std::string& name, const std::string& uuid) {
  const pid_t pid = find_qemu(name, uuid);
  if (pid == 0) return no_process(name, "it does not run");
  UniqueFd pidfd = open_process(pid);
  if (!pidfd) return no_process(name, std::generic_category().message(errno));
  // The pidfd stays with the process that had the pid when it was opened; only now is it known to be the VM's.
  if (!is_qemu(pid, uuid)) return no_process(name, "it has ended");
  if (!send_signal(pidfd, SIGTERM)) return no_process(name, std::generic_category().message(errno));
  return pidfd;
}

}  // namespace virtsession
