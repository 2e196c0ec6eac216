// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// What VMs are doing while something is waited for, as their PropertiesChanged tell it. Needs a loop that drives the
/// client's connection.
class Progress {
 public:
  Progress(Client& client, const std::vector<VmInfo>& vms);

  /// One line about those of the objects at `paths` that are not done; the manager's path stands for all VMs.
  /// \param total of the objects that were begun with
  std::string line(const std::vector<std::string>& paths, std::size_t total,
                   std::chrono::steady_clock::duration elapsed, const Terminal& terminal) const;

 private:
  void on_changed(sdbus::Message& message);
  const VmInfo* shown(const std::string& path, std::size_t& others) const;

  std::map<std::string, VmInfo> vms_;  // by path
  sdbus::Slot match_;
};

/// How a call ended; the name is empty for a success.
struct Outcome {
  std::string error_name;
  std::string message;
  std::chrono::microseconds took{};

  bool succeeded() const { return error_name.empty(); }
};

/// The caller did not want to wait any longer; what it asked for goes on.
inline constexpr const char* kStoppedWaiting = "virtsessionctl.StoppedWaiting";

/// Sends one method call through a proxy; `done` is called when it is answered, with empty texts for a success.
using Send = std::function<void(sdbus::IProxy&, std::function<void(std::string name, std::string message)> done)>;

/// A method with its arguments. The answer is waited for without a limit: libvirt may take minutes.
template <class... Arguments>
Send send_method(const std::string& interface, const std::string& method, Arguments... arguments) {
  return [=](sdbus::IProxy& proxy, const std::function<void(std::string, std::string)>& done) {
    proxy.callMethodAsync(method)
        .onInterface(interface)
        .withTimeout(std::numeric_limits<std::uint64_t>::max())
        .withArguments(arguments...)
        .uponReplyInvoke([done](sdbus_compat::AsyncError error) {
          if (error)
            done(error->getName(), error->getMessage());
          else
            done("", "");
        });
  };
}

/// What is done to one object: methods, one after the other as long as they succeed.
struct Task {
  std::string path;
  std::vector<Send> steps;
};

/// Runs tasks all at once, shows how they go, and tells the end of each as it comes.
class Calls {
 public:
  using Report = std::function<void(std::size_t task, const Outcome& outcome)>;

  /// \param vms what is known of them, for the progress line
  Calls(Client& client, Console& console, const std::vector<VmInfo>& vms);
  ~Calls();

  /// Returns when all have ended, or after `at_most`: what is open then ends with kStoppedWaiting.
  /// \throws Failure (kInterrupted) after Ctrl-C; what was asked for goes on
  void run(const std::vector<Task>& tasks, std::optional<std::chrono::milliseconds> at_most, const Report& report);

 private:
  struct Open;

  void step(std::size_t index);
  void end(std::size_t index, Outcome outcome);
  void draw();

  Client& client_;
  Console& console_;
  EventLoop loop_;
  Progress progress_;
  std::vector<Open> open_;
  std::size_t left_ = 0;
  const Report* report_ = nullptr;
  bool interrupted_ = false;
};

/// Runs one call on the manager. \param vms that it is about, for the progress line
/// \throws Failure with the daemon's words when it fails
void call_manager(Client& client, Console& console, const Send& send, const std::vector<VmInfo>& vms = {},
                  std::optional<std::chrono::milliseconds> at_most = std::nullopt);

/// What a person may do about an error. \param vm as in a command, or empty
std::string hint_for(const std::string& error_name, const std::string& vm);

/// As a Failure: its exit code, the daemon's words, a hint.
Failure failure_of(const std::string& error_name, const std::string& message);

}  // namespace virtsession::ctl
