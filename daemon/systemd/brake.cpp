// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/brake.hpp"

#include "util/files.hpp"
#include "util/printable.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

std::string folder_from(const char* variable) {
  const char* const value = std::getenv(variable);
  return value ? value : "";
}

std::vector<Brake::Clock::time_point> read_starts(const std::string& path) {
  std::vector<Brake::Clock::time_point> starts;
  const auto text = read_file(path);
  if (!text || !*text) return starts;
  std::istringstream words(**text);
  for (std::int64_t milliseconds = 0; words >> milliseconds;)
    starts.emplace_back(std::chrono::milliseconds(milliseconds));
  return starts;
}

/// When a file was last changed in any way; nothing when it is not there.
std::optional<timespec> changed(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) < 0) return std::nullopt;
  return status.st_ctim;
}

/// The program, and the files of the user that libvirt's daemons read, with their folder: one may be taken away.
std::vector<std::string> what_matters(const std::string& program) {
  std::vector<std::string> paths{program};
  auto config = folder_from("XDG_CONFIG_HOME");
  if (config.empty()) config = folder_from("HOME") + "/.config";
  config += "/libvirt";
  paths.push_back(config);
  std::error_code error;
  for (fs::directory_iterator entry(config, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".conf") paths.push_back(entry->path());
  return paths;
}

bool is_older(const timespec& one, const timespec& other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

/// Whether something that matters is newer than the note of the last start, or as new: the clock of file systems stands
/// still for some milliseconds.
bool may_be_mended(const std::string& program, const std::string& note) {
  const auto last = changed(note);
  return !last || std::ranges::any_of(what_matters(program), [&](const std::string& path) {
    const auto now = changed(path);
    return now && !is_older(*now, *last);
  });
}

/// As sd_listen_fds(3), which would close them for the program that this becomes.
std::vector<pollfd> handed_over() {
  std::vector<pollfd> sockets;
  if (folder_from("LISTEN_PID") != std::to_string(getpid())) return sockets;
  const int count = std::atoi(folder_from("LISTEN_FDS").c_str());
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) sockets.push_back({fd, POLLIN, 0});
  return sockets;
}

/// For at most a second. The sockets are libvirt's: nothing of them is changed.
void refuse_clients(std::vector<pollfd>& sockets, std::chrono::milliseconds limit) {
  if (poll(sockets.data(), sockets.size(), static_cast<int>(limit.count())) <= 0) return;
  for (const auto& socket : sockets)
    if (socket.revents & POLLIN)
      if (const int client = accept4(socket.fd, nullptr, nullptr, SOCK_CLOEXEC); client >= 0) close(client);
}

void wait_until_allowed(const Brake& brake, const std::string& program) {
  const auto left = [&] {
    return std::chrono::ceil<std::chrono::milliseconds>(brake.wait(Brake::Clock::now(), kLibvirtBrake));
  };
  if (left().count() == 0) return;
  auto sockets = handed_over();
  sd_notifyf(0, "STATUS=waits for its next start, after %zu that did not last",
             brake.starts(Brake::Clock::now(), kLibvirtBrake));
  while (left().count() > 0 && !may_be_mended(program, brake.path()))
    refuse_clients(sockets, std::min(left(), std::chrono::milliseconds(1000)));
  sd_notify(0, "STATUS=");
}

}  // namespace

Brake::Brake(const std::string& name)
    : path_(folder_from("XDG_RUNTIME_DIR") + "/virtsession/" + name + ".starts"), starts_(read_starts(path_)) {}

std::size_t Brake::starts(Clock::time_point now, const BrakeLimits& limits) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      starts_, [&](Clock::time_point start) { return start <= now && now - start <= limits.window; }));
}

Brake::Clock::duration Brake::wait(Clock::time_point now, const BrakeLimits& limits) const {
  if (starts(now, limits) < limits.free) return {};
  const Clock::duration left = starts_.back() + limits.spacing - now;
  return std::clamp<Clock::duration>(left, Clock::duration::zero(), limits.spacing);
}

void Brake::note_start(Clock::time_point now, const BrakeLimits& limits) {
  std::erase_if(starts_, [&](Clock::time_point start) { return start > now || now - start > limits.window; });
  starts_.push_back(now);
  std::string text;
  for (const auto& start : starts_)
    text +=
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(start.time_since_epoch()).count()) + '\n';
  static_cast<void>(make_directories(fs::path(path_).parent_path()));
  static_cast<void>(write_file_atomically(path_, text));
}

void Brake::release() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  starts_.clear();
}

int run_braked(const std::vector<std::string>& command) {
  if (command.empty()) {
    std::cerr << "virtsessiond: --run-braked needs a program\n";
    return EX_USAGE;
  }
  const auto& program = command.front();
  Brake brake(fs::path(program).filename());
  wait_until_allowed(brake, program);
  brake.note_start(Brake::Clock::now(), kLibvirtBrake);
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  std::cerr << "virtsessiond: failed to run " << printable(program) << ": " << std::strerror(errno) << '\n';
  return EX_UNAVAILABLE;
}

}  // namespace virtsession
