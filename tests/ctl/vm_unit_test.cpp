// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/support/wait_until.hpp"
#include "fakes/notify_socket.hpp"
#include "session.hpp"
#include "support/loop_until.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

// The program of virtsession-vm@.service, with the test in systemd's place.

using namespace virtsession::test;

namespace {

/// It, from its start to its end.
class Unit {
 public:
  Unit(const Session& session, std::vector<std::string> names, bool keeps_others = false)
      : errors_(session.folder() / "vm-unit.err") {
    auto environment = session.environment;
    std::vector<std::string> words{"env", "-i", "NOTIFY_SOCKET=" + std::string(std::getenv("NOTIFY_SOCKET"))};
    for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
    if (keeps_others) words.emplace_back("VIRTSESSION_KEEP_OTHERS=1");
    words.emplace_back(VIRTSESSION_VM_UNIT);
    words.insert(words.end(), names.begin(), names.end());
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (std::freopen(errors_.c_str(), "w", stderr) == nullptr) _exit(126);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;
  ~Unit() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  bool is_ready() {
    look();
    return ready_;
  }
  /// What `systemctl status` would show.
  std::string status() {
    look();
    return status_;
  }
  void wait_ready() {
    wait_until([&] { return is_ready(); }, kDeadline, "the unit is ready");
  }
  void wait_status(const std::string& begin) {
    wait_until([&] { return status().starts_with(begin); }, kDeadline, "the unit's status is: " + begin);
  }
  void terminate() const { kill(pid_, SIGTERM); }
  bool runs() {
    int status = 0;
    if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      end_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return pid_ > 0;
  }
  /// \return its exit status
  int end() {
    wait_until([&] { return !runs(); }, kDeadline, "the unit's program ends");
    return end_;
  }
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream(errors_).rdbuf();
    return text.str();
  }

 private:
  void look() {
    for (const auto& text : notify_.received()) {
      ready_ |= text == "READY=1";
      if (text.starts_with("STATUS=")) status_ = text.substr(7);
    }
  }

  NotifySocket notify_;
  std::string errors_;
  pid_t pid_ = -1;
  int end_ = -1;
  bool ready_ = false;
  std::string status_;
};

}  // namespace

TEST_CASE("a VM's unit starts it, is ready with it, and stops it by its policy") {
  const Usual session;
  CHECK(session.out({"policy", "db", "stop_actions=save"}) != "");
  Unit unit(session, {"db"});
  unit.wait_ready();
  CHECK(session.state("db") == "running\n");
  unit.wait_status("running: started");
  CHECK(session.json({"history", "db", "--limit", "1"})[0]["cause"] == "its unit");
  CHECK(session.out({"pause", "db"}) == "db: paused\n");
  unit.wait_status("paused: ");
  CHECK(session.out({"resume", "db"}) == "db: runs on\n");
  unit.terminate();
  CHECK(unit.end() == 0);
  CHECK(session.state("db") == "shut-off\n");
  CHECK(session.out({"show", "db", "-p", "ManagedSave"}) == "true\n");
}

TEST_CASE("a VM's unit is ready when the VM is, and waits as its policy does") {
  const Usual session;
  CHECK(session.out({"policy", "db", "start_if_paths=" + (session.folder() / "disk").string()}) != "");
  Unit unit(session, {"db"});
  unit.wait_status("waiting: ");
  CHECK_FALSE(unit.is_ready());
  std::ofstream(session.folder() / "disk") << "";
  unit.wait_ready();
  CHECK(session.state("db") == "running\n");
}

TEST_CASE("a VM's unit ends well with a VM that somebody stopped, and badly with one that cannot run") {
  const Usual session;
  Unit stopped(session, {"web"});  // it runs already
  stopped.wait_ready();
  CHECK(session.out({"shutdown", "web"}) == "web: is off\n");
  CHECK(stopped.end() == 0);
  CHECK(stopped.said().find("VM \"web\" is off: ") != std::string::npos);
  Unit unknown(session, {"wbe", "wbe2"});
  CHECK(unknown.end() == 1);
  CHECK(unknown.said().find("no VM of this user has the name or uuid \"wbe\"") != std::string::npos);
}

TEST_CASE("a VM's unit leaves a VM that it cannot stop, and says so") {
  const Usual session;
  CHECK(session.out({"policy", "web", "stop_actions=leave"}) != "");
  Unit unit(session, {"web"});
  unit.wait_ready();
  unit.terminate();
  CHECK(unit.end() == 1);
  CHECK(unit.said().find("is left running, as its policy says") != std::string::npos);
  CHECK(session.state("web") == "running\n");
}

TEST_CASE("a unit that keeps what others started stops what it started itself alone") {
  const Usual session;
  Unit follows(session, {"web"}, true), starts(session, {"db"}, true);
  follows.wait_ready();
  starts.wait_ready();
  follows.terminate();
  starts.terminate();
  CHECK(follows.end() == 0);
  CHECK(starts.end() == 0);
  CHECK(session.state("web") == "running\n");
  CHECK(session.state("db") == "shut-off\n");
}

TEST_CASE("virtsessiond is away for a while, and the VM's unit goes on") {
  Usual session;
  Unit unit(session, {"no/such", "web"});  // the second name fits
  unit.wait_ready();
  session.stop_daemon();
  unit.wait_status("virtsessiond is away");
  session.start_daemon();  // the test driver begins anew: "web" runs
  unit.wait_status("running");
  CHECK(unit.runs());
  CHECK(session.out({"poweroff", "web"}) == "web: powered off\n");
  CHECK(unit.end() == 0);
}
