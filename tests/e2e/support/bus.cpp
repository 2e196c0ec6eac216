// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus.hpp"

#include "host.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace virtsession::test {
namespace {

/// A file that is held to be named, not to be read: /proc/self/fd/N leads to it without a walk through its folders.
class HeldPath {
 public:
  explicit HeldPath(const std::filesystem::path& path) : descriptor_(open(path.c_str(), O_PATH | O_CLOEXEC)) {
    if (descriptor_ < 0) {
      throw std::system_error(errno, std::generic_category(), "open " + path.string());
    }
  }
  HeldPath(const HeldPath&) = delete;
  HeldPath& operator=(const HeldPath&) = delete;
  ~HeldPath() { close(descriptor_); }

  std::string name() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// While it lives the calling thread, and no other, has another effective user. That takes the system call itself,
/// since glibc's function of that name changes all threads.
class EffectiveUser {
 public:
  explicit EffectiveUser(uid_t uid) { change_to(uid); }
  EffectiveUser(const EffectiveUser&) = delete;
  EffectiveUser& operator=(const EffectiveUser&) = delete;
  ~EffectiveUser() {
    change_to(0);
    // The kernel forbade core dumps and debuggers on the change.
    prctl(PR_SET_DUMPABLE, 1);
  }

 private:
  static void change_to(uid_t uid) {
    constexpr auto kUnchanged = static_cast<uid_t>(-1);
    if (syscall(SYS_setresuid, kUnchanged, uid, kUnchanged) != 0) {
      throw std::system_error(errno, std::generic_category(), "setresuid");
    }
  }
};

}  // namespace

// The bus asks the kernel who has called connect(2) on its socket, and that happens within the call below. The user may
// not walk through /proc/PID/root, so the socket is looked up before, by root.
std::unique_ptr<sdbus::IConnection> connect_to_user_bus(const Host& host, std::string_view user) {
  const uid_t uid = host.uid_of(user);
  const HeldPath socket(host.outside_path("/run/user/" + std::to_string(uid) + "/bus"));
  const EffectiveUser effective_user(uid);
  return sdbus::createSessionBusConnectionWithAddress("unix:path=" + socket.name());
}

std::unique_ptr<sdbus::IConnection> connect_to_system_bus(const Host& host) {
  return sdbus::createSessionBusConnectionWithAddress(host.system_bus_address());
}

}  // namespace virtsession::test
