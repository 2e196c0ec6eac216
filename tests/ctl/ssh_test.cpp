// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

// The way into a guest by ssh, as far as it can be gone without a guest. e2e has the rest.

using namespace virtsession::test;

namespace {

std::string program() { return std::filesystem::canonical(VIRTSESSIONCTL).string(); }

/// \param words between --proxy and the uuid
std::string block(const Session& session, const std::string& name, const std::string& uuid,
                  const std::string& words = "", const std::string& more = "") {
  return "Host " + name + "\n  ProxyCommand " + program() + " ssh --proxy " + words + uuid + "\n" + more +
         "  HostKeyAlias virtsession-" + uuid + "\n  UserKnownHostsFile \"" +
         (session.folder() / "state/virtsession/known_hosts").string() + "\"\n  StrictHostKeyChecking accept-new\n";
}

constexpr const char* kHead =
    "# Made by virtsessionctl ssh --config. For ssh, scp, rsync, VS Code, Ansible: put this into a file, and at the\n"
    "# beginning of ~/.ssh/config the line  Include FILE\n\n";

/// What ssh makes of a configuration for a host: lower-case keys.
std::string read_by_ssh(const Session& session, const std::string& config, const std::string& host) {
  const auto file = (session.folder() / "ssh_config").string();
  std::ofstream(file) << config;
  const auto result = run(session.command_of("ssh", {"-F", file, "-G", host}));
  CHECK_MESSAGE(result.status == 0, result.err);
  return result.out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// What a forward leads to, on the loopback interface: takes connections at once, greets when it is told to, and sends
/// back what it gets.
class Sshd {
 public:
  Sshd() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_, 8) == 0);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Sshd() {
    ends_ = true;
    thread_.join();
    for (auto& connection : connections_) connection.join();
    close(fd_);
  }
  Sshd(const Sshd&) = delete;
  Sshd& operator=(const Sshd&) = delete;

  std::uint16_t number() const { return port_; }
  std::string port() const { return std::to_string(port_); }
  /// From now on, of each connection; nothing: never, as at first.
  void greet_after(std::optional<std::chrono::milliseconds> time) {
    greet_at_ = time ? (std::chrono::steady_clock::now() + *time).time_since_epoch().count() : kNever;
  }

 private:
  static constexpr std::int64_t kNever = -1;

  bool wait_readable(int fd) const {
    while (!ends_) {
      pollfd one{fd, POLLIN, 0};
      if (poll(&one, 1, 20) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (wait_readable(fd_)) {
      const int connection = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      connections_.emplace_back([this, connection] {
        talk(connection);
        close(connection);
      });
    }
  }

  void talk(int connection) const {
    while (greet_at_ == kNever || std::chrono::steady_clock::now().time_since_epoch().count() < greet_at_) {
      if (ends_) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const std::string greeting = "SSH-2.0-test\r\n";
    if (send(connection, greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0) return;
    char bytes[256];
    while (wait_readable(connection)) {
      const auto got = read(connection, bytes, sizeof bytes);
      if (got <= 0 || send(connection, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) return;
    }
  }

  int fd_;
  std::uint16_t port_ = 0;
  std::atomic<bool> ends_{false};
  std::atomic<std::int64_t> greet_at_{kNever};
  std::thread thread_;
  std::vector<std::thread> connections_;
};

/// A VM "web" with a forward to such a one, and an ssh that says how it was called.
struct WithForward : Faked {
  Sshd sshd;

  WithForward() {
    auto view = web();
    view.phase = virtsession::Phase::running;
    view.networks.clear();  // the forward is the only way
    view.addresses.clear();
    view.forwards = {{{"net0", {"127.0.0.1", sshd.number(), virtsession::PortProtocol::tcp}, 22},
                      virtsession::ForwardState::active,
                      "",
                      "auto:22"}};
    service.add(view);
    std::filesystem::create_directory(folder() / "bin");
    const auto file = folder() / "bin/ssh";
    std::ofstream(file) << "#!/bin/sh\nprintf '<ssh>'; for word; do printf ' <%s>' \"$word\"; done; echo\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    environment["PATH"] = (folder() / "bin").string() + ":" + environment["PATH"];
  }
};

}  // namespace

TEST_CASE("ssh --config: a block that leads ssh to the VM whatever its port is, and keeps its key under its uuid") {
  const Usual session;
  const auto text = session.out({"ssh", "--config", "web"});
  CHECK(text == kHead + block(session, "web", kWebUuid));
  CHECK(session.out({"ssh", "--config", "--start", "--timeout", "300", "root@web"}) ==
        kHead + block(session, "web", kWebUuid, "--start --timeout 300 ", "  User root\n"));
  const auto read = read_by_ssh(session, text, "web");
  CHECK(has(read, "\nproxycommand " + program() + " ssh --proxy " + kWebUuid + "\n"));
  CHECK(has(read, std::string("\nhostkeyalias virtsession-") + kWebUuid + "\n"));
  CHECK(has(read, "\nuserknownhostsfile " + (session.folder() / "state/virtsession/known_hosts").string() + "\n"));
  CHECK(!has(read_by_ssh(session, text, "web2"), "proxycommand"));
  // All of them, when none is named.
  const auto all = session.out({"ssh", "--config"});
  for (const auto* name : {"web", "web2", "db", "mail"}) CHECK(has(all, std::string("\nHost ") + name + "\n"));
}

TEST_CASE("ssh --config: names that ssh would not take for a host have the uuid; odd folders are quoted") {
  Session session;
  session.define(domain("my vm", "51111111-2222-3333-4444-555555555555", true) +
                 domain("w*b", "61111111-2222-3333-4444-555555555555", true) +
                 domain("a@b", "71111111-2222-3333-4444-555555555555", true));
  session.environment["XDG_STATE_HOME"] = (session.folder() / "100% \"state\"").string();
  session.start_daemon();
  const auto result = session.ctl({"ssh", "--config", "my vm"});
  CHECK(has(result.out,
            "# \"my vm\", which is no name that ssh can have for a host\n"
            "Host 51111111-2222-3333-4444-555555555555\n"));
  CHECK(result.err ==
        "\"my vm\" is no name that ssh can have for a host: use  ssh "
        "51111111-2222-3333-4444-555555555555\n");
  const auto all = session.out({"ssh", "--config"});
  CHECK(!has(all, "Host w*b"));
  CHECK(has(all, "Host 61111111-2222-3333-4444-555555555555\n"));
  CHECK(has(session.out({"ssh", "--config", "a@b"}), "Host 71111111-2222-3333-4444-555555555555\n"));
  CHECK(has(read_by_ssh(session, all, "51111111-2222-3333-4444-555555555555"), "/100% \"state\"/virtsession/"));
}

TEST_CASE("ssh: no way, a VM that is off, words that make no sense: what to do") {
  Usual session;
  CHECK(session.err({"ssh", "root@db"}, 1) ==
        "virtsessionctl: db is off\n  Start it first:  virtsessionctl ssh --start root@db\n");
  CHECK(session.err({"ssh", "web", "--", "true"}, 1) ==
        "virtsessionctl: web: it has no network interface\n"
        "  Add one of the type user to its definition, and then:  virtsessionctl ports web +auto:22\n");
  // A VM is not started for nothing.
  CHECK(has(session.err({"ssh", "--start", "db"}, 1), "no network interface"));
  CHECK(session.state("db") == "shut-off\n");
  CHECK(has(session.err({"ssh", "root@wbe"}, 4), "no VM has the name or uuid \"wbe\"; did you mean \"web\"?"));
  CHECK(session.err({"ssh"}, 2) == "virtsessionctl: ssh: VM is required\n  See:  virtsessionctl help ssh\n");
  CHECK(has(session.err({"ssh", "--config", "web", "--", "true"}, 2), "\"true\""));
  CHECK(has(session.err({"ssh", "-oProxyCommand=x@web"}, 2), "there is no option"));
  CHECK(session.err({"ssh", "web", "true"}, 2) ==
        "virtsessionctl: ssh: what is for ssh has to follow --\n  virtsessionctl ssh web -- true\n");
  session.environment["PATH"] = session.folder().path().string();
  CHECK(has(session.err({"ssh", "web"}, 1), "ssh is not installed"));
  session.out({"pause", "web"});
}

TEST_CASE("ssh: the words that ssh gets, a person's options first and the command last; the sshd was waited for") {
  WithForward session;
  session.sshd.greet_after(std::chrono::milliseconds(0));
  const auto port = session.sshd.port();
  const auto known_hosts = (session.folder() / "state/virtsession/known_hosts").string();
  CHECK(session.out({"ssh", "root@web", "--", "-4", "-o", "Port=7", "-vN", "-L1:h:2", "ls", "-l", "--", "x"}) ==
        "<ssh> <-4> <-o> <Port=7> <-vN> <-L1:h:2> <-o> <HostName=127.0.0.1> <-p> <" + port +
            "> <-o> <ProxyCommand=none> <-o> <HostKeyAlias=virtsession-" + kWebUuid + "> <-o> <UserKnownHostsFile=\"" +
            known_hosts + "\"> <-o> <StrictHostKeyChecking=accept-new> <--> <root@web> <ls> <-l> <--> <x>\n");
  CHECK(session.ctl({"ssh", "web"}).err.empty());
  // The folder that ssh cannot make is there.
  CHECK(std::filesystem::is_directory(session.folder() / "state/virtsession"));
}

TEST_CASE("ssh: who listens and says nothing yet is waited for, and named; the time is up in time") {
  WithForward session;
  const auto silent = session.ctl({"ssh", "--timeout", "3", "web"});
  CHECK(silent.status == 1);
  CHECK(silent.err == "web: waiting for the sshd at 127.0.0.1:" + session.sshd.port() + " (Ctrl-C ends it) ...\n" +
                          "virtsessionctl: web: no sshd has answered in 3.0 s: 127.0.0.1:" + session.sshd.port() +
                          " does not answer\n"
                          "  Does one run in the guest? Look:  virtsessionctl console web\n"
                          "  Give a slow guest more time:  --timeout 300\n");
  session.sshd.greet_after(std::chrono::milliseconds(2500));
  const auto late = session.ctl({"ssh", "web"});
  CHECK(late.status == 0);
  CHECK(has(late.err, "waiting for the sshd"));
  session.sshd.greet_after(std::nullopt);
  OnTerminal waiting(session.command({"ssh", "web"}));
  waiting.wait_for("waiting for the sshd");
  waiting.interrupt();
  CHECK(waiting.wait() == 130);
}

TEST_CASE("ssh --proxy: bytes of the sshd come out, and go in, from its first one on") {
  WithForward session;
  session.sshd.greet_after(std::chrono::milliseconds(0));
  const auto result = session.ctl({"ssh", "--proxy", kWebUuid}, "hello\n");
  CHECK(result.status == 0);
  CHECK(result.out == "SSH-2.0-test\r\nhello\n");  // the test's sshd sends back what it gets, and closes
  CHECK(result.err.empty());
}
