// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "e2e/support/domain_xml.hpp"
#include "e2e/support/guest.hpp"
#include "e2e/support/host.hpp"
#include "e2e/support/wait_until.hpp"

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::test {

inline constexpr const char* kUser = "alice";
/// The session daemon that libvirt's clients reach for on the host: libvirtd, or virtqemud where the environment says
/// so (tests/run.sh compat virtqemud). Every case here holds with either.
inline const std::string kLibvirtDaemon = [] {
  const char* const name = std::getenv("VIRTSESSION_TEST_DAEMON");
  return name ? name : "libvirtd";
}();
/// The one of the two that it is not.
inline const std::string kOtherDaemon = kLibvirtDaemon == "libvirtd" ? "virtqemud" : "libvirtd";
inline const std::string kLibvirtUnit = "virtsession-" + kLibvirtDaemon + ".service";
/// The name of its socket in the folder libvirt of XDG_RUNTIME_DIR.
inline const std::string kLibvirtSocket = kLibvirtDaemon == "libvirtd" ? "libvirt-sock" : "virtqemud-sock";
/// For what a person would call at once, on a slow machine.
inline constexpr std::chrono::seconds kSoon{10};
/// For boots of guests and the like.
inline constexpr std::chrono::seconds kLong{60};

/// A throwaway host with virtsession as `cmake --install` leaves it, and one user who logs in and out.
class Desktop {
 public:
  /// \param enabled virtsessiond is enabled for all users, as an administrator or a package would do it
  explicit Desktop(bool enabled = true);
  /// Nothing of virtsession is installed.
  struct Bare {};
  explicit Desktop(Bare);

  Host& host() { return host_; }
  /// Logs the user in. With virtsessiond enabled: returns when it is connected to libvirt.
  void login();
  /// Logs out and waits until the user manager has stopped.
  void logout();
  /// `systemctl reboot`; returns when the host is up again.
  void reboot();
  /// The host is off without a word to anybody.
  void power_cut();
  /// After a start or restart of virtsessiond: waits until its API answers and libvirt is ready.
  void wait_ready();

  Guest define(DomainXml domain) { return Guest(host_, kUser, std::move(domain)); }
  /// A VM that runs, with firmware only: virtsessiond says so, too.
  Guest run_vm(const std::string& name);
  /// Runs a command as the user in the session; a failure is an error.
  std::string run(const std::vector<std::string>& command) { return host_.must_user(kUser, command); }
  std::string systemctl(std::vector<std::string> arguments);
  std::string virsh(std::vector<std::string> arguments);
  /// The main process of a unit of the user; 0 when it does not run.
  pid_t main_pid(const std::string& unit);

  Client& api() { return *client_; }
  /// Connects to the user's bus anew.
  void connect();
  void disconnect() { client_.reset(); }
  /// A VM's object path; nothing while there is no VM of that name.
  std::optional<std::string> find(const std::string& name);
  /// All properties of a VM by name; it must be there.
  VariantMap vm(const std::string& name);
  std::string text(const std::string& name, const std::string& property);
  bool flag(const std::string& name, const std::string& property);
  std::string manager_text(const std::string& property);
  /// Waits until a VM's property has the text; the VM may be one that is not known yet.
  void wait_for(const std::string& name, const std::string& property, const std::string& text,
                std::chrono::milliseconds timeout = kSoon);
  /// Calls a method of a VM with options, and waits for its end.
  Outcome call(const std::string& name, const std::string& method, const VariantMap& options = {});
  /// The causes of the VM's starts, oldest first: what brought it into the phase "starting" or "running".
  std::vector<std::string> history(const std::string& name);

 private:
  std::optional<VariantMap> vm_if_known(const std::string& name);

  Host host_;
  bool enabled_;
  std::unique_ptr<Client> client_;
};

}  // namespace virtsession::test
