// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake_logind.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace virtsession::test {

FakeLogind::FakeLogind(sdbus::IConnection& bus) : AdaptorInterfaces(bus, sdbus::ObjectPath("/org/freedesktop/login1")) {
  registerAdaptor();
}

FakeLogind::~FakeLogind() { unregisterAdaptor(); }

void FakeLogind::prepare_for_sleep(bool start) {
  sleeping = start;
  emitPrepareForSleep(start);
}

std::size_t FakeLogind::locks_held() const {
  return static_cast<std::size_t>(std::ranges::count_if(locks_, [](const UniqueFd& lock) {
    pollfd poll_fd{lock.get(), 0, 0};
    return poll(&poll_fd, 1, 0) == 0;
  }));
}

void FakeLogind::refuse() const {
  if (refusal) throw sdbus_compat::make_error(*refusal, "Permission denied");
}

sdbus::UnixFd FakeLogind::Inhibit(const std::string& what, const std::string& who, const std::string&,
                                  const std::string& mode) {
  calls.push_back("Inhibit " + what + " " + who + " " + mode);
  refuse();
  if (sleeping)
    throw sdbus_compat::make_error("org.freedesktop.login1.OperationInProgress",
                                   "The operation inhibition has been requested for is already running");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("Failed to make a pipe");
  locks_.emplace_back(ends[0]);
  ++locks_given;
  return sdbus::UnixFd(ends[1], sdbus::adopt_fd);
}

void FakeLogind::SetUserLinger(const std::uint32_t& uid, const bool& enable, const bool& interactive) {
  calls.push_back("SetUserLinger " + std::to_string(uid) + (enable ? " on" : " off") +
                  (interactive ? " interactive" : ""));
  refuse();
  if (linger_file.empty()) return;
  if (enable)
    std::ofstream{linger_file};
  else
    std::filesystem::remove(linger_file);
}

}  // namespace virtsession::test
