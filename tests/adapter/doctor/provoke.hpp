// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/gather.hpp"
#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace virtsession::test {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// Waits for what another process does. A deadline that passes fails the test.
inline void wait_until(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) FAIL("Waited in vain for: " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// A socket at a path with somebody who listens, until it ends; its file stays then, as after a crash.
class Listener {
 public:
  explicit Listener(const std::filesystem::path& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::filesystem::create_directories(path.parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.string().size() < sizeof address.sun_path);
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_.get(), 8) == 0);
  }
  void end() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// A process of the test's own, by a name of the test's choice; killed with the object. Standard output and error go
/// nowhere.
class Spawned {
 public:
  /// \param name what the process calls itself (argv[0]) \param uid the user it runs as
  Spawned(const std::string& program, std::vector<std::string> arguments, const std::string& name = {}) {
    arguments.insert(arguments.begin(), name.empty() ? program : name);
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      static_cast<void>(!freopen("/dev/null", "w", stdout));
      static_cast<void>(!freopen("/dev/null", "w", stderr));
      execv(program.c_str(), words.data());
      _exit(127);
    }
    // Until exec(2) it has the test's own command line.
    wait_until(program, [&] {
      std::ifstream file("/proc/" + std::to_string(pid_) + "/cmdline");
      std::string first;
      std::getline(file, first, '\0');
      return first == arguments[0];
    });
  }
  ~Spawned() {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// Options that look at nothing but an empty folder and the kernel.
struct Elsewhere {
  Elsewhere() {
    for (const char* name : {"config", "runtime", "etc", "sys", "run", "bin"})
      std::filesystem::create_directory(folder / name);
    options.config_home = folder / "config";
    options.runtime_dir = folder / "runtime";
    options.session_bus = "unix:path=" + (folder / "runtime/bus").string();
    options.system_bus = "unix:path=" + (folder / "run/bus").string();
    options.etc = folder / "etc";
    options.sys = folder / "sys";
    options.run = folder / "run";
    options.kvm_device = folder / "kvm";
    options.tun_device = folder / "tun";
    options.vsock_device = folder / "vhost-vsock";
    options.linger_folder = folder / "linger";
    options.first_user_port = folder / "first_user_port";
    options.ping_range = folder / "ping_group_range";
    options.program_folders = {folder / "bin"};
  }

  void write(const std::string& name, const std::string& text) const { write_text(folder / name, text); }
  void program(const std::string& name) const {
    write("bin/" + name, "#!/bin/sh\n");
    std::filesystem::permissions(folder / ("bin/" + name), std::filesystem::perms::owner_all);
  }
  void define(const std::string& name, const std::string& devices, const std::string& uuid = "") const {
    write("config/libvirt/qemu/" + name + ".xml",
          "<domain type='qemu'><name>" + name + "</name><uuid>" + (uuid.empty() ? "uuid-of-" + name : uuid) +
              "</uuid><memory unit='KiB'>65536</memory><devices>" + devices + "</devices></domain>");
  }
  static std::string disk(const std::string& path, const std::string& format = "raw") {
    return "<disk type='file' device='disk'><driver type='" + format + "'/><source file='" + path +
           "'/><target dev='vda'/></disk>";
  }

  TemporaryFolder folder;
  GatherOptions options;
};

}  // namespace virtsession::test
