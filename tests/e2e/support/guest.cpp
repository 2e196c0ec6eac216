// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest.hpp"

#include "host.hpp"
#include "wait_until.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace virtsession::test {
namespace {

/// Emulated, and on a machine that does other things as well.
constexpr std::chrono::seconds kReadyTimeout{60};
/// A virsh takes a tenth of a second of a core that the guests need.
constexpr std::chrono::milliseconds kVirshInterval{200};

std::string with_console(std::string console, const Host& host, std::string_view user, const std::string& name) {
  return console.empty() ? host.home_of(user) + "/" + name + ".console" : console;
}

}  // namespace

Guest::Guest(const Host& host, std::string_view user, DomainXml domain)
    : host_(host), user_(user), domain_(std::move(domain)) {
  domain_.console = with_console(domain_.console, host, user, domain_.name);
  const std::string file = host.home_of(user) + "/" + domain_.name + ".xml";
  host_.write_file(file, domain_.text(), user_);
  host_.must_user(user_, {"virsh", "--quiet", "-c", "qemu:///session", "define", "--validate", file});
}

std::string Guest::uuid() const { return must_virsh("domuuid"); }

CommandResult Guest::virsh(std::string_view verb, const std::vector<std::string>& options) const {
  std::vector<std::string> command{"virsh", "--quiet", "-c", "qemu:///session", std::string(verb), domain_.name};
  command.insert(command.end(), options.begin(), options.end());
  return host_.user(user_, command);
}

std::string Guest::must_virsh(std::string_view verb, const std::vector<std::string>& options) const {
  std::string text = output_of(virsh(verb, options), "virsh " + std::string(verb) + " " + domain_.name);
  // Some of its answers end in an empty line.
  text.erase(std::find_if(text.rbegin(), text.rend(), [](char last) { return last != '\n'; }).base(), text.end());
  return text;
}

// A libvirt daemon that has just begun may be connecting to QEMU again when it kills it; it says then that the domain
// does not run, which is what was wanted.
void Guest::destroy() const {
  const auto result = virsh("destroy");
  if (!result.succeeded() && state() != "shut off") output_of(result, "virsh destroy " + name());
}

void Guest::set_autostart(bool is_on) const {
  must_virsh("autostart", is_on ? std::vector<std::string>{} : std::vector<std::string>{"--disable"});
}

void Guest::wait_for_state(std::string_view wanted, std::chrono::milliseconds timeout) const {
  wait_until([&] { return state() == wanted; }, timeout, "domain " + name() + " is " + std::string(wanted),
             kVirshInterval);
}

std::string Guest::console() const { return host_.read_file(domain_.console).value_or(""); }

std::size_t Guest::count_on_console(std::string_view text) const {
  const std::string said = console();
  std::size_t count = 0;
  for (std::size_t at = said.find(text); at != std::string::npos; at = said.find(text, at + text.size())) {
    ++count;
  }
  return count;
}

void Guest::wait_for_console(std::string_view text, std::chrono::milliseconds timeout, std::size_t count) const {
  try {
    wait_until([&] { return count_on_console(text) >= count; }, timeout,
               "console of " + name() + " says \"" + std::string(text) + "\" " + std::to_string(count) + " times");
  } catch (const TimedOut& error) {
    const std::string said = console();
    throw std::runtime_error(std::string(error.what()) + "; it ends:\n" +
                             said.substr(said.size() - std::min<std::size_t>(said.size(), 2000)));
  }
}

void Guest::wait_ready(std::size_t count) const { wait_for_console("guest ready: " + name(), kReadyTimeout, count); }

long Guest::last_uptime() const { return last_number("guest uptime: "); }

long Guest::last_clock() const { return last_number("guest clock: "); }

long Guest::last_number(std::string_view after) const {
  const std::string said = console();
  // The last line may be half written.
  const std::size_t end = said.rfind('\n');
  const std::size_t at = end == std::string::npos ? end : said.rfind(after, end);
  return at == std::string::npos ? -1 : std::stol(said.substr(at + after.size(), end - at));
}

pid_t Guest::qemu_pid() const {
  const std::string run_folder = "/run/user/" + std::to_string(host_.uid_of(user_)) + "/libvirt/qemu/run/";
  const std::optional<std::string> text = host_.read_file(run_folder + domain_.name + ".pid");
  return text && !text->empty() ? static_cast<pid_t>(std::stol(*text)) : 0;
}

}  // namespace virtsession::test
