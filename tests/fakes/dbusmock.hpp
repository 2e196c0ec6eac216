// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace virtsession::test {

/// A connection to a private bus, driven by the test's loop.
struct Client {
  Client(EventLoop& loop, const PrivateBus& bus)
      : connection(bus.connect()), source(loop, *connection, [](const std::string&) {}) {}

  std::unique_ptr<sdbus::IConnection> connection;
  BusSource source;
};

/// One of python3-dbusmock's templates on a private bus, a process of its own. What it is asked is kept in `calls`.
class DbusMock {
 public:
  struct Call {
    std::string method;
    std::vector<sdbus::Variant> arguments;
  };
  using Arguments = std::vector<sdbus::Variant>;

  /// Answers when the name is on the bus. \param client of that bus; its messages keep their order with those of the
  /// code under test when that uses it, too
  DbusMock(EventLoop& loop, const PrivateBus& bus, Client& client, const std::string& template_name,
           const std::string& name, const std::string& path, const std::string& parameters = "{}")
      : loop_(loop) {
    owner_match_ = sdbus_compat::add_match(
        *client.connection, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + name + "'",
        [this](sdbus::Message& message) {
          std::string text;
          message >> text >> text >> text;
          owned_ = !text.empty();
        });
    proxy_ = sdbus::createProxy(*client.connection, sdbus_compat::ServiceName(name), sdbus::ObjectPath(path));
    proxy_->uponSignal("MethodCalled")
        .onInterface(kInterface)
        .call([this](const std::string& method, const std::vector<sdbus::Variant>& arguments) {
          calls.push_back({method, arguments});
        });
    sdbus_compat::finish_registration(*proxy_);
    start(bus.address(), template_name, parameters);
    loop_until(loop_, "the mock of " + name, [this] { return owned_; });
  }
  ~DbusMock() { end(); }
  DbusMock(const DbusMock&) = delete;
  DbusMock& operator=(const DbusMock&) = delete;

  /// Ends the process, and waits until the bus has noticed.
  void stop() {
    end();
    loop_until(loop_, "the mock's end", [this] { return !owned_; });
  }
  void pause() { REQUIRE(kill(pid_, SIGSTOP) == 0); }
  void go_on() { REQUIRE(kill(pid_, SIGCONT) == 0); }

  /// Calls a method of org.freedesktop.DBus.Mock and waits for the answer.
  template <class... Args>
  void control(const std::string& method, const Args&... arguments) {
    bool done = false;
    std::string problem;
    proxy_->callMethodAsync(method)
        .onInterface(kInterface)
        .withArguments(arguments...)
        .uponReplyInvoke([&](sdbus_compat::AsyncError error) {
          done = true;
          if (error) problem = error->getMessage();
        });
    loop_until(loop_, "the mock's answer to " + method, [&] { return done; });
    REQUIRE(problem == "");
  }
  /// Lets the mock emit a signal, without waiting for it.
  void emit(const std::string& interface, const std::string& name, const std::string& signature,
            const Arguments& arguments) {
    proxy_->callMethodAsync("EmitSignal")
        .onInterface(kInterface)
        .withArguments(interface, name, signature, arguments)
        .uponReplyInvoke([](sdbus_compat::AsyncError error) { CHECK_MESSAGE(!error, "EmitSignal failed"); });
  }
  /// After this, `calls` has everything that was sent to the mock before over the same connection.
  void fence() {
    bool done = false;
    proxy_->callMethodAsync("GetAll")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(kInterface))
        .uponReplyInvoke([&](sdbus_compat::AsyncError) { done = true; });
    loop_until(loop_, "the mock's answer", [&] { return done; });
  }
  std::size_t count(const std::string& method) const {
    std::size_t number = 0;
    for (const auto& call : calls) number += call.method == method ? 1 : 0;
    return number;
  }
  void wait_for(const std::string& method, std::size_t number) {
    loop_until(loop_, "call " + std::to_string(number) + " of " + method, [&] { return count(method) >= number; });
  }

  std::vector<Call> calls;

 private:
  static constexpr const char* kInterface = "org.freedesktop.DBus.Mock";

  void start(const std::string& address, const std::string& template_name, const std::string& parameters) {
    std::vector<std::string> variables{"DBUS_SYSTEM_BUS_ADDRESS=" + address, "DBUS_SESSION_BUS_ADDRESS=" + address};
    for (char** variable = environ; *variable != nullptr; ++variable)
      if (!std::string(*variable).starts_with("DBUS_")) variables.emplace_back(*variable);
    // The distribution's Python has the distribution's dbusmock.
    std::vector<std::string> words{"/usr/bin/python3", "-m",       "dbusmock",  "--template", template_name,
                                   "--parameters",     parameters, "--logfile", "/dev/null"};
    std::vector<char*> environment;
    std::vector<char*> arguments;
    for (auto& variable : variables) environment.push_back(variable.data());
    for (auto& word : words) arguments.push_back(word.data());
    environment.push_back(nullptr);
    arguments.push_back(nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      execve(arguments[0], arguments.data(), environment.data());
      _exit(127);
    }
  }

  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  EventLoop& loop_;
  bool owned_ = false;
  sdbus::Slot owner_match_;
  std::unique_ptr<sdbus::IProxy> proxy_;
  pid_t pid_ = -1;
};

}  // namespace virtsession::test
