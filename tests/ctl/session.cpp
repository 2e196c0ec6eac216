// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include "e2e/support/wait_until.hpp"
#include "support/loop_until.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

namespace virtsession::test {

Session::Session() {
  for (const char* const name : {"run", "config", "state", "tmp"}) std::filesystem::create_directory(folder_ / name);
  const auto* const path = std::getenv("PATH");
  environment = {{"PATH", std::filesystem::path(VIRTSESSIONCTL).parent_path().string() + ":" + (path ? path : "")},
                 {"DBUS_SESSION_BUS_ADDRESS", bus_.address()},
                 {"XDG_RUNTIME_DIR", (folder_ / "run").string()},
                 {"XDG_CONFIG_HOME", (folder_ / "config").string()},
                 {"XDG_STATE_HOME", (folder_ / "state").string()},
                 {"HOME", folder_.path().string()},
                 {"TMPDIR", (folder_ / "tmp").string()},
                 {"LANG", "C.UTF-8"},
                 {"TERM", "xterm"},
                 {"TZ", "UTC"}};
  // What a sanitizer is told, it is told here too.
  for (const char* const name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* const value = std::getenv(name)) environment[name] = value;
}

Session::~Session() { stop_daemon(); }

void Session::define(const std::string& xml) {
  std::ofstream(folder_ / "node.xml") << "<node>\n" << xml << "</node>\n";
}

void Session::write_config(const std::string& text) {
  std::filesystem::create_directories(folder_ / "config/virtsession");
  std::ofstream(folder_ / "config/virtsession/config.json") << text;
}

std::vector<std::string> Session::command_of(const std::string& program,
                                             const std::vector<std::string>& arguments) const {
  auto words = become_;
  words.insert(words.end(), {"env", "-i"});
  for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
  words.push_back(program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

std::vector<std::string> Session::command(const std::vector<std::string>& arguments) const {
  return command_of(VIRTSESSIONCTL, arguments);
}

std::vector<std::string> Session::daemon_command() const {
  return {VIRTSESSIOND, "--connect", "test://" + (folder_ / "node.xml").string()};
}

void Session::start_daemon(const std::string& other) {
  auto daemon = daemon_command();
  const auto program = other.empty() ? daemon.front() : other;
  daemon.erase(daemon.begin());
  auto words = command_of(program, daemon);
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto log = (folder_ / "daemon.log").string();
  daemon_ = fork();
  REQUIRE(daemon_ >= 0);
  if (daemon_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (std::freopen(log.c_str(), "a", stderr) == nullptr) _exit(126);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  wait_until(
      [&] {
        const auto result = ctl({"status", "--json"});
        return result.status == 0 && nlohmann::json::parse(result.out)["manager"]["LibvirtState"] == "ready";
      },
      kDeadline, "virtsessiond is ready");
}

void Session::freeze_daemon() { kill(daemon_, SIGSTOP); }

void Session::stop_daemon() {
  if (daemon_ <= 0) return;
  // In this order: a SIGCONT that comes late takes away the SIGSTOP by which the leak sanitizer looks at threads at the
  // end, and that waits for it for ever.
  kill(daemon_, SIGCONT);
  kill(daemon_, SIGTERM);
  while (waitpid(daemon_, nullptr, 0) < 0 && errno == EINTR) {
  }
  daemon_ = -1;
}

void Session::offer_daemon() {
  auto daemon = daemon_command();
  const auto program = daemon.front();
  daemon.erase(daemon.begin());
  offer("org.virtsession.Supervisor1", program, daemon);
}

void Session::offer(const std::string& name, const std::string& program, const std::vector<std::string>& arguments) {
  // What the bus starts has the environment of the bus.
  std::string line;
  for (const auto& word : command_of(program, arguments)) line += "'" + word + "' ";
  const auto script = (folder_ / (name + ".sh")).string();
  std::ofstream(script) << "exec " << line << "\n";
  bus_.offer(name, "/bin/sh " + script);
}

void Session::run_as_person() {
  if (geteuid() != 0) return;
  become_ = {"unshare", "--user", "--map-user=1000"};  // to itself; to the bus and to files it is root
}

CommandResult Session::ctl(const std::vector<std::string>& arguments, const std::string& input) const {
  return run(command(arguments), {.input = input});
}

std::string Session::out(const std::vector<std::string>& arguments, int status) const {
  const auto result = ctl(arguments);
  CHECK_MESSAGE(result.status == status, command_line(arguments) << ": " << result.err << result.out);
  return result.out;
}

std::string Session::err(const std::vector<std::string>& arguments, int status) const {
  const auto result = ctl(arguments);
  CHECK_MESSAGE(result.status == status, command_line(arguments) << ": " << result.err << result.out);
  return result.err;
}

nlohmann::json Session::json(std::vector<std::string> arguments, int status) const {
  arguments.emplace_back("--json");
  return nlohmann::json::parse(out(arguments, status));
}

std::string domain(const std::string& name, const std::string& uuid, bool running, const std::string& more) {
  return "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>" + name + "</name><uuid>" +
         uuid + "</uuid>" + more + "<memory>1024</memory><os><type>hvm</type></os><test:runstate>" +
         (running ? "1" : "5") + "</test:runstate></domain>\n";
}

std::string policy_metadata(const std::string& json) {
  return "<metadata><v:policy xmlns:v='https://virtsession.org/policy/1'>" + json + "</v:policy></metadata>";
}

std::string usual_domains() {
  return domain("web", "11111111-2222-3333-4444-555555555555", true, "<title>Web server</title>") +
         domain("db", "21111111-2222-3333-4444-555555555555", false) +
         domain("mail", "31111111-2222-3333-4444-555555555555", false,
                policy_metadata(R"({"start_order": 20, "start_after": ["db"]})")) +
         domain("web2", "41111111-2222-3333-4444-555555555555", true);
}

Usual::Usual() {
  define(usual_domains());
  start_daemon();
}

std::string Usual::state(const std::string& vm) const { return out({"show", vm, "-p", "State"}); }

std::string masked(const std::string& text) {
  static const std::pair<std::regex, const char*> kMasks[] = {
      {std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)"), "TIME"},
      {std::regex(R"(\b\d\d:\d\d:\d\d\b)"), "CLOCK"},
      {std::regex(R"(\b\d+(\.\d)? s ago)"), "AGO"},
      {std::regex(R"(\b\d+\.\d+\.\d+\b)"), "VERSION"},
      {std::regex(R"(  +)"), "  "},  // columns are as wide as what was masked
  };
  auto result = text;
  for (const auto& [pattern, mask] : kMasks) result = std::regex_replace(result, pattern, mask);
  return result;
}

}  // namespace virtsession::test
