// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a service several times as systemd would (NOTIFY_SOCKET) and prints one line of JSON: from exec to READY=1 the
// wall and CPU time, and, once it is idle, memory and wake-ups. Usage: measure RUNS IDLE_SECONDS PROGRAM [ARGUMENT...]
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// CPU time of all threads, from the scheduler (nanoseconds; /proc/PID/stat counts in ticks of 10 ms).
double cpu_ms(pid_t pid) {
  double total = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    double on_cpu = 0;
    std::ifstream(task.path() / "schedstat") >> on_cpu;
    total += on_cpu;
  }
  return total / 1e6;
}

long field(const std::string& file, const std::string& name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return -1;
}

long wake_ups(pid_t pid) {
  long total = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
    total += field(task.path() / "status", "voluntary_ctxt_switches");
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  const int runs = std::atoi(argv[1]);
  const int idle_seconds = std::atoi(argv[2]);
  const std::string path = "/tmp/measure-" + std::to_string(getpid());
  const int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
  setenv("NOTIFY_SOCKET", path.c_str(), 1);

  std::vector<double> wall, cpu;
  double rss = 0, private_kib = 0, wakes = 0;
  for (int run = 0; run < runs; ++run) {
    const auto begin = Clock::now();
    const pid_t pid = fork();
    if (pid == 0) {
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      execvp(argv[3], argv + 3);
      _exit(127);
    }
    std::string message(4096, '\0');
    do {
      message.resize(4096);
      const auto size = recv(socket_fd, message.data(), message.size(), 0);
      message.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    } while (message.find("READY=1") == std::string::npos);
    wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    cpu.push_back(cpu_ms(pid));
    if (run + 1 == runs && idle_seconds > 0) {
      std::this_thread::sleep_for(std::chrono::seconds(5));  // what follows the start has settled
      const auto rollup = "/proc/" + std::to_string(pid) + "/smaps_rollup";
      rss = static_cast<double>(field(rollup, "Rss")) / 1024;
      private_kib = static_cast<double>(field(rollup, "Private_Clean") + field(rollup, "Private_Dirty")) / 1024;
      const auto before = wake_ups(pid);
      std::this_thread::sleep_for(std::chrono::seconds(idle_seconds));
      wakes = static_cast<double>(wake_ups(pid) - before) / idle_seconds;
    }
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  unlink(path.c_str());
  std::cout << median(wall) << ' ' << median(cpu) << ' ' << rss << ' ' << private_kib << ' ' << wakes << '\n';
}
