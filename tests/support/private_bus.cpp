// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/private_bus.hpp"

#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sdbus-c++/sdbus-c++.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace virtsession::test {

namespace {

constexpr std::string_view kFolder = "@FOLDER@";
constexpr const char* kConfig = R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@FOLDER@/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>@FOLDER@/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
)";

std::string read_line(int fd) {
  std::string line;
  char letter = 0;
  while (true) {
    const auto got = read(fd, &letter, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || letter == '\n') return line;
    line.push_back(letter);
  }
}

}  // namespace

PrivateBus::PrivateBus() : folder_(make_temporary_folder("virtsession-bus")) {
  std::filesystem::create_directory(folder_ / "services");
  std::string config = kConfig;
  for (auto at = config.find(kFolder); at != std::string::npos; at = config.find(kFolder))
    config.replace(at, kFolder.size(), folder_.string());
  const auto config_path = (folder_ / "bus.conf").string();
  std::ofstream(config_path) << config;

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("Failed to make a pipe");
  const std::string log_path = (folder_ / "log").string();
  const UniqueFd log(open(log_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string file_argument = "--config-file=" + config_path;
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // Only async-signal-safe calls here: the test may have threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(ends[1], 3);  // clears close-on-exec, unless it is 3 already
    if (ends[1] == 3) fcntl(3, F_SETFD, 0);
    dup2(log.get(), STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execlp("dbus-daemon", "dbus-daemon", file_argument.c_str(), "--print-address=3", "--nofork", "--nopidfile",
           "--nosyslog", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  if (pid_ > 0) address_ = read_line(ends[0]);
  close(ends[0]);
  if (address_.empty()) {
    stop();
    std::ostringstream text;
    text << "Failed to start dbus-daemon: " << std::ifstream(log_path).rdbuf();
    std::filesystem::remove_all(folder_);
    throw std::runtime_error(text.str());
  }
}

PrivateBus::~PrivateBus() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PrivateBus::offer(const std::string& name, const std::string& command) {
  std::ofstream(folder_ / "services" / (name + ".service"))
      << "[D-BUS Service]\nName=" << name << "\nExec=" << command << "\n";
}

std::unique_ptr<sdbus::IConnection> PrivateBus::connect() const {
  return sdbus::createSessionBusConnectionWithAddress(address_);
}

void PrivateBus::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace virtsession::test
