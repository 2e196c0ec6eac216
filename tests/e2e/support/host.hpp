// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "process.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::test {

struct HostOptions {
  /// The root file system that the host's own is laid over.
  std::filesystem::path lower = "/";
  /// DESTDIR trees to lay over it before the first boot.
  std::vector<std::filesystem::path> install{};
  /// Output of tests/guest/build-guest, shown at Host::kGuests; empty for none.
  std::filesystem::path guests{};
  /// From a user's last logout to the stop of the user manager.
  std::chrono::seconds user_stop_delay{1};
};

/// A throwaway host: systemd as PID 1 of namespaces of its own, over an overlay of this machine's root. A thin cover of
/// tests/host/host, whose usage text says more. Needs root.
///
/// The constructor boots it; the destructor removes it and everything in it. If the test program dies instead, the host
/// is removed as well. Several may be up at once. Functions that do something throw std::runtime_error (with what the
/// host's script said) or TimedOut; none may be called from two threads at once.
class Host {
 public:
  /// Where the guests' kernel and initramfs images are, inside.
  static constexpr std::string_view kGuests = "/var/lib/guests";

  explicit Host(HostOptions options = {});
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  /// The next boot, after poweroff() or kill(). What was written to its disk is there; /run and /tmp are empty.
  void boot();
  /// `systemctl reboot`; returns when it is up again.
  void reboot();
  /// `systemctl poweroff`; returns when its last process has ended.
  void poweroff();
  /// The same without a word of warning to anybody: a power cut.
  void kill();
  bool is_up() const;

  /// Runs a command inside as root. A command that fails is a result and not an error.
  CommandResult exec(const std::vector<std::string>& command, const RunOptions& options = {}) const;
  /// Runs a command inside as `user` with the environment of the user's session, in the scope of a login session if
  /// there is one. The user must be logged in or linger.
  CommandResult user(std::string_view user, const std::vector<std::string>& command,
                     const RunOptions& options = {}) const;
  /// As exec() and user(), but a command that fails is an error. Returns the output without the line break at its end.
  std::string must_exec(const std::vector<std::string>& command, const RunOptions& options = {}) const;
  std::string must_user(std::string_view user, const std::vector<std::string>& command,
                        const RunOptions& options = {}) const;

  /// Does nothing if there is such a user.
  void add_user(std::string_view user);
  /// Opens a login session (PAM, logind) that lasts until logout(). Returns its id when the user manager is up.
  /// @param tag  tells several sessions of one user apart
  std::string login(std::string_view user, std::string_view tag = "1");
  /// Returns when the session has ended (or is closing, with something left in it); the user manager may stop later.
  void logout(std::string_view user, std::string_view tag = "1");
  /// Waits until the user manager has stopped after a logout.
  void wait_user_stopped(std::string_view user) const;
  /// The user manager is there from boot on, with or without a session.
  void enable_linger(std::string_view user);
  uid_t uid_of(std::string_view user) const;
  std::string home_of(std::string_view user) const;

  /// The journal of all boots, read from outside: also while the host is down.
  /// @param arguments  to journalctl: {"--boot=0", "--unit=user@1000.service", "--output=cat"}
  std::string journal(const std::vector<std::string>& arguments = {}) const;

  /// PID 1, as it is known on the outside. 0 while the host is down.
  pid_t init_pid() const;
  /// What is at an absolute path inside, seen from outside. Good until the end of this boot. Do not use it to follow
  /// absolute symbolic links: they would lead to files of the outside.
  std::filesystem::path outside_path(const std::filesystem::path& inside) const;
  /// The same for what is on the host's disk and was written by it: also good while the host is down.
  std::filesystem::path disk_path(const std::filesystem::path& inside) const;
  /// The content of a file inside, from the disk if the host is down. Empty if there is none.
  std::optional<std::string> read_file(const std::filesystem::path& inside) const;
  /// Makes a file inside, and the folders on the way, which `owner` then owns if they did not exist.
  void write_file(const std::filesystem::path& inside, std::string_view content, std::string_view owner = "root") const;
  /// Copies files or folders of the outside into `destination` (a folder, or it ends in '/'), or one file to that name.
  void put(const std::vector<std::filesystem::path>& files, const std::filesystem::path& destination) const;

  /// Addresses for a connection from outside; see bus.hpp for how to connect to a user's.
  std::string system_bus_address() const;
  std::string user_bus_address(std::string_view user) const;

 private:
  std::vector<std::string> command(std::string_view verb, const std::vector<std::string>& arguments = {}) const;
  std::string must_run(std::string_view verb, const std::vector<std::string>& arguments = {}) const;
  std::vector<std::string> user_entry(std::string_view user) const;

  std::filesystem::path state_;
};

}  // namespace virtsession::test
