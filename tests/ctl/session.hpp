// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/support/process.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"
#include "terminal.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace virtsession::test {

/// A user's session without systemd: a bus, folders, and on demand the real virtsessiond over libvirt's test driver.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// What libvirt has: `xml` is the inside of <node>, domains as domain() makes them.
  void define(const std::string& xml);
  void write_config(const std::string& text);
  /// Starts virtsessiond, or that of another build, and waits until it knows all VMs.
  void start_daemon(const std::string& other = {});
  void stop_daemon();
  /// It is there and does nothing, until the session ends.
  void freeze_daemon();
  /// The bus starts it when somebody wants it.
  void offer_daemon();
  /// From here on virtsessionctl is run by a person, also when the test is run by root, who has no session libvirt.
  void run_as_person();
  /// The bus runs a program in this session, with the environment of now, when somebody wants that name.
  void offer(const std::string& name, const std::string& program, const std::vector<std::string>& arguments = {});

  /// Runs virtsessionctl in a pipe.
  CommandResult ctl(const std::vector<std::string>& arguments, const std::string& input = {}) const;
  /// Its output, which the test requires to come with this exit status.
  std::string out(const std::vector<std::string>& arguments, int status = 0) const;
  std::string err(const std::vector<std::string>& arguments, int status) const;
  nlohmann::json json(std::vector<std::string> arguments, int status = 0) const;
  /// The words of a command that runs virtsessionctl, or another program, in this session; for OnTerminal.
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
  std::vector<std::string> command_of(const std::string& program, const std::vector<std::string>& arguments) const;

  const PrivateBus& bus() const { return bus_; }
  /// As at the end of the session.
  void stop_bus() { bus_.stop(); }
  const TemporaryFolder& folder() const { return folder_; }
  std::map<std::string, std::string> environment;  ///< of everything that is run

 private:
  std::vector<std::string> daemon_command() const;

  TemporaryFolder folder_;
  PrivateBus bus_;
  std::vector<std::string> become_;  ///< the words before a command
  pid_t daemon_ = -1;
};

/// A domain of libvirt's test driver. \param more elements, "<title>...</title>"
std::string domain(const std::string& name, const std::string& uuid, bool running, const std::string& more = {});
/// The metadata of a domain with a policy.
std::string policy_metadata(const std::string& json);

/// The VMs that most tests have: "db" off, "mail" off with a policy, "web" with a title running, "web2" running.
std::string usual_domains();

/// A session with these, and virtsessiond.
struct Usual : Session {
  Usual();
  /// What virtsessionctl shows for its State, with a line break.
  std::string state(const std::string& vm) const;
};

/// Takes out what differs from run to run and from system to system: times, pids, names on the bus, versions, and how
/// wide columns are because of them.
std::string masked(const std::string& text);

}  // namespace virtsession::test
