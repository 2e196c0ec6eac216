// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host.hpp"

#include "wait_until.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#ifndef VIRTSESSION_TESTS_DIR
#error "define VIRTSESSION_TESTS_DIR as the path of the folder tests"
#endif

namespace virtsession::test {
namespace {

/// More than the script's own limit of 180 s, whose error says more than ours.
constexpr std::chrono::seconds kVerbTimeout{400};

std::filesystem::path make_state_folder() {
  std::string path = std::filesystem::temp_directory_path() / "virtsession-host-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + path);
  }
  return path;
}

std::optional<std::string> content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

Host::Host(HostOptions options) : state_(make_state_folder()) {
  std::vector<std::string> arguments{"--lower",      options.lower,
                                     "--stop-delay", std::to_string(options.user_stop_delay.count()),
                                     "--owner",      std::to_string(getpid())};
  for (const std::filesystem::path& tree : options.install) {
    arguments.insert(arguments.end(), {"--install", tree});
  }
  if (!options.guests.empty()) {
    arguments.insert(arguments.end(), {"--guests", options.guests});
  }
  try {
    must_run("boot", arguments);
  } catch (...) {
    run(command("destroy"), {.timeout = kVerbTimeout});
    throw;
  }
}

Host::~Host() {
  try {
    must_run("destroy");
  } catch (const std::exception& error) {
    std::cerr << "Failed to destroy the test host: " << error.what() << '\n';
  }
}

void Host::boot() { must_run("boot"); }
void Host::reboot() { must_run("reboot"); }
void Host::poweroff() { must_run("poweroff"); }
void Host::kill() { must_run("kill"); }

bool Host::is_up() const {
  const pid_t pid = init_pid();
  return pid != 0 && ::kill(pid, 0) == 0;
}

CommandResult Host::exec(const std::vector<std::string>& command_inside, const RunOptions& options) const {
  return run(command("exec", joined({"--"}, command_inside)), options);
}

CommandResult Host::user(std::string_view user, const std::vector<std::string>& command_inside,
                         const RunOptions& options) const {
  return run(command("user", joined({std::string(user), "--"}, command_inside)), options);
}

std::string Host::must_exec(const std::vector<std::string>& command_inside, const RunOptions& options) const {
  return output_of(exec(command_inside, options), command_line(command_inside));
}

std::string Host::must_user(std::string_view user, const std::vector<std::string>& command_inside,
                            const RunOptions& options) const {
  return output_of(this->user(user, command_inside, options), command_line(command_inside));
}

void Host::add_user(std::string_view user) { must_run("add-user", {std::string(user)}); }

std::string Host::login(std::string_view user, std::string_view tag) {
  return must_run("login", {std::string(user), std::string(tag)});
}

void Host::logout(std::string_view user, std::string_view tag) {
  must_run("logout", {std::string(user), std::string(tag)});
}

void Host::wait_user_stopped(std::string_view user) const { must_run("wait-user-stopped", {std::string(user)}); }

void Host::enable_linger(std::string_view user) {
  must_exec({"loginctl", "enable-linger", std::string(user)});
  const std::string unit = "user@" + std::to_string(uid_of(user)) + ".service";
  wait_until(
      [&] {
        return exec({"systemctl", "--quiet", "is-active", unit}).succeeded();
      },
      std::chrono::seconds(30), unit + " is active");
}

std::vector<std::string> Host::user_entry(std::string_view user) const {
  std::istringstream accounts(read_file("/etc/passwd").value_or(""));
  for (std::string line; std::getline(accounts, line);) {
    std::vector<std::string> fields;
    std::istringstream words(line);
    for (std::string field; std::getline(words, field, ':');) {
      fields.push_back(field);
    }
    if (fields.size() >= 6 && fields[0] == user) {
      return fields;
    }
  }
  throw std::runtime_error("no such user in the host: " + std::string(user));
}

uid_t Host::uid_of(std::string_view user) const { return static_cast<uid_t>(std::stoul(user_entry(user)[2])); }

std::string Host::home_of(std::string_view user) const { return user_entry(user)[5]; }

std::string Host::journal(const std::vector<std::string>& arguments) const { return must_run("journal", arguments); }

pid_t Host::init_pid() const {
  const std::optional<std::string> text = content_of(state_ / "pid");
  return text ? static_cast<pid_t>(std::stol(*text)) : 0;
}

std::filesystem::path Host::outside_path(const std::filesystem::path& inside) const {
  const pid_t pid = init_pid();
  if (pid == 0) {
    throw std::runtime_error("the test host is down");
  }
  return std::filesystem::path("/proc") / std::to_string(pid) / "root" / inside.relative_path();
}

std::filesystem::path Host::disk_path(const std::filesystem::path& inside) const {
  return state_ / "up" / inside.relative_path();
}

std::optional<std::string> Host::read_file(const std::filesystem::path& inside) const {
  return content_of(is_up() ? outside_path(inside) : disk_path(inside));
}

void Host::write_file(const std::filesystem::path& inside, std::string_view content, std::string_view owner) const {
  // install makes the folders on the way as root: make them as the owner as far as the owner may.
  const std::string text =
      "setpriv --reuid \"$2\" --regid \"$3\" --init-groups mkdir -p \"$(dirname \"$1\")\" 2>/dev/null || "
      "mkdir -p \"$(dirname \"$1\")\"; cat >\"$1\" && chown \"$2:$3\" \"$1\"";
  const std::vector<std::string> entry = user_entry(owner);
  must_exec({"sh", "-c", text, "sh", inside, entry[2], entry[3]}, {.input = content});
}

void Host::put(const std::vector<std::filesystem::path>& files, const std::filesystem::path& destination) const {
  std::vector<std::string> arguments(files.begin(), files.end());
  arguments.push_back(destination);
  must_run("put", arguments);
}

std::string Host::system_bus_address() const {
  return "unix:path=" + outside_path("/run/dbus/system_bus_socket").string();
}

std::string Host::user_bus_address(std::string_view user) const {
  return "unix:path=" + outside_path("/run/user/" + std::to_string(uid_of(user)) + "/bus").string();
}

std::vector<std::string> Host::command(std::string_view verb, const std::vector<std::string>& arguments) const {
  return joined({VIRTSESSION_TESTS_DIR "/host/host", "--state", state_, std::string(verb)}, arguments);
}

std::string Host::must_run(std::string_view verb, const std::vector<std::string>& arguments) const {
  return output_of(run(command(verb, arguments), {.timeout = kVerbTimeout}), "host " + std::string(verb));
}

}  // namespace virtsession::test
