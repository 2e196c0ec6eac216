// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session_daemon.hpp"

#include "support/loop_until.hpp"

#include <doctest/doctest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace virtsession::test {
namespace {

constexpr uid_t kNobody = 65534;

pid_t spawn(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (auto& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  REQUIRE(posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0);
  return pid;
}

template <class Condition>
void wait_for(const std::string& what, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) FAIL("Waited in vain for " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

SessionDaemon::SessionDaemon() {
  const bool has_libvirtd = std::filesystem::exists("/usr/sbin/libvirtd");
  const std::string name = has_libvirtd ? "libvirtd" : "virtqemud";
  socket_ = folder() / "run/libvirt" / (has_libvirtd ? "libvirt-sock" : "virtqemud-sock");
  std::filesystem::create_directory(folder() / "run");
  give(folder());
  give(folder() / "run");
  std::vector<std::string> command;
  if (geteuid() == 0)
    command = {"setpriv", "--reuid=" + std::to_string(kNobody), "--regid=" + std::to_string(kNobody), "--clear-groups"};
  for (const auto& word :
       {std::string("env"), std::string("-i"), std::string("PATH=/usr/sbin:/usr/bin"), "HOME=" + folder().string(),
        "XDG_RUNTIME_DIR=" + (folder() / "run").string(), std::string("DBUS_SYSTEM_BUS_ADDRESS=disabled:"),
        "LIBVIRT_LOG_OUTPUTS=3:file:" + (folder() / "log").string(), name})
    command.push_back(word);
  pid_ = spawn(command);
  wait_for("the daemon's socket", [&] { return std::filesystem::exists(socket_); });
}

SessionDaemon::~SessionDaemon() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  // QEMU and virtlogd write where their PID is.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder() / "run", ignored)) {
    const auto name = entry.path().filename();
    if (name.extension() != ".pid" || name == "driver.pid" || name == "libvirtd.pid" || name == "virtqemud.pid")
      continue;
    pid_t pid = 0;
    if (std::ifstream(entry.path()) >> pid && pid > 1) kill(pid, SIGKILL);
  }
}

void SessionDaemon::give(const std::filesystem::path& path) const {
  if (geteuid() == 0) REQUIRE(lchown(path.c_str(), kNobody, kNobody) == 0);
}

}  // namespace virtsession::test
