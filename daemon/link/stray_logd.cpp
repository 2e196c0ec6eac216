// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stray_logd.hpp"

#include "link/stray_daemon.hpp"
#include "processes/pidfd.hpp"
#include "util/log.hpp"
#include "util/proc.hpp"

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kInterval(30);  // well within the 120 s after which it ends by itself

bool is_log(const fs::path& descriptor) {
  struct stat status {};
  if (stat(descriptor.c_str(), &status) < 0 || !S_ISREG(status.st_mode)) return false;
  std::error_code ignored;
  const auto name = fs::read_symlink(descriptor, ignored).filename();
  return name != "virtlogd.pid" && name != "virtlogd.log";
}

/// Of one that was moved, perhaps by an instance before.
std::string scope_of(pid_t virtlogd) { return "virtsession-virtlogd-" + std::to_string(virtlogd) + ".scope"; }

}  // namespace

bool keeps_logs(pid_t virtlogd) {
  std::error_code error;
  fs::directory_iterator entry(proc_folder(virtlogd) / "fd", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (is_log(entry->path())) return true;
  return bool(error);
}

StrayLogd::StrayLogd(EventLoop& loop, UserManager& units, std::string runtime_dir)
    : units_(units), runtime_dir_(std::move(runtime_dir)), again_(loop, [this] { look(); }) {}

void StrayLogd::look() {
  again_.cancel();
  const auto stray = find_stray_logd(runtime_dir_);
  if (!stray || stray->pid == 0) return;
  const UniqueFd process = open_process(stray->pid);  // before it is looked at once more: this one, and no later one
  if (!process || find_stray_logd(runtime_dir_) != stray) return;
  if (!keeps_logs(stray->pid)) {
    log::info("Ending {}, which a client started and which keeps no VM's log any more", describe(*stray));
    if (send_signal(process, SIGKILL)) return;
  } else if (std::exchange(announced_, stray->pid) != stray->pid) {
    log::info("{}, which a client started, keeps the logs of its VMs until they end", describe(*stray));
    move(*stray);
  }
  again_.set(EventLoop::Clock::now() + kInterval, kInterval / 10);
}

/// Like a VM's scope, it is stopped after virtsessiond, and so after the VMs.
void StrayLogd::move(const StrayDaemon& stray) {
  const auto scope = scope_of(stray.pid);
  if (stray.unit == scope) return;
  units_.start_scope({scope, "Console logs of VMs that a client's libvirt daemon started", {}}, {stray.pid},
                     [name = describe(stray)](const Result<void>& moved) {
                       if (!moved) log::warn("{} stays where it is: {}", name, moved.error().message);
                     });
}

}  // namespace virtsession
