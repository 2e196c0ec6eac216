// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// Forwards as a person adds and removes them. VMs of libvirt's test driver have no network that could have any, so this
// is about the policy, and about what is said; e2e has forwards that work.

using namespace virtsession::test;
using nlohmann::json;

namespace {

/// A port that this program listens on.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_, 1) == 0);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::string port() const { return std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string ports_of(const Session& session, const std::string& vm) {
  return session.json({"policy", vm, "ports"}).dump();
}

}  // namespace

TEST_CASE("ports: + adds to the VM's policy and - removes by meaning; what is not possible is said, with status 1") {
  const Usual session;
  const std::string reason = ", cannot be: the VM has no network interface of type user, which alone forwards ports\n";
  CHECK(session.err({"ports", "db", "+2222:22"}, 1) ==
        "virtsessionctl: db: 127.0.0.1:2222 -> port 22 of the guest" + reason);
  CHECK(says(session.err({"ports", "db", "+auto:53/udp", "+[::1]:8080:80"}, 1), " -> port 53 of the guest (UDP)"));
  CHECK(ports_of(session, "db") == R"(["2222:22","auto:53/udp","[::1]:8080:80"])");
  // Another text with the same meaning.
  CHECK(session.out({"ports", "db", "+127.0.0.1:2222:22/tcp"}) == "db: 127.0.0.1:2222:22/tcp is there already\n");
  CHECK(session.out({"ports", "db", "-127.0.0.1:2222:22"}) == "db: 127.0.0.1:2222:22 is removed\n");
  CHECK(ports_of(session, "db") == R"(["auto:53/udp","[::1]:8080:80"])");
  CHECK(session.err({"ports", "db", "-2222:22"}, 1) ==
        "virtsessionctl: db: its ports have no 2222:22\n  Those that it has:  virtsessionctl ports db\n");
  // All or nothing.
  CHECK(session.err({"ports", "db", "-auto:53/udp", "-1:1"}, 1) != "");
  CHECK(ports_of(session, "db") == R"(["auto:53/udp","[::1]:8080:80"])");
  const auto changed = session.json({"ports", "db", "-auto:53/udp", "-[::1]:8080:80"});
  CHECK(changed["result"] == "done");
  CHECK(changed["forwards"] == json::array());
  CHECK(ports_of(session, "db") == "[]");
}

TEST_CASE("ports: what the configuration has stays when one is added") {
  Session session;
  session.define(usual_domains());
  session.write_config(R"({"defaults": {"ports": ["auto:22"]}})");
  session.start_daemon();
  session.err({"ports", "db", "+8080:80"}, 1);
  CHECK(ports_of(session, "db") == R"(["auto:22","8080:80"])");
}

TEST_CASE("ports: a table and JSON of all VMs") {
  const Usual session;
  CHECK(session.out({"ports"}).empty());
  CHECK(session.json({"ports"}) == json::array());
  session.err({"ports", "db", "+2222:22"}, 1);
  session.err({"ports", "web", "+auto:80"}, 1);
  CHECK(masked(session.out({"ports"})) ==
        "VM  HOST  PROTOCOL  GUEST PORT  NIC  STATE  REASON\n"
        "db  VERSION.1:2222  tcp  22  -  impossible  the VM has no network interface of type user, which alone "
        "forwards ports\n"
        "web  VERSION.1:auto  tcp  80  -  impossible  the VM has no network interface of type user, which alone "
        "forwards ports\n");
  const auto rows = session.json({"ports", "web"});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["name"] == "web");
  CHECK(rows[0]["uuid"] == "11111111-2222-3333-4444-555555555555");
  CHECK(rows[0]["host_port"] == 0);
  CHECK(rows[0]["spec"] == "auto:80");
}

TEST_CASE("ports: a port that another VM wants, or a process has, is told before it is taken into the policy") {
  const Usual session;
  const Listener listener;
  const auto taken = session.ctl({"ports", "db", "+" + listener.port() + ":22"});
  CHECK(taken.err.starts_with("Note: ctl (pid " + std::to_string(getpid()) + ") has 127.0.0.1:" + listener.port() +
                              "/tcp.\n"));
  CHECK(ports_of(session, "db") == "[\"" + listener.port() + ":22\"]");
  // Every address of a port is its address on the loopback interface, too.
  CHECK(says(session.ctl({"ports", "web", "+0.0.0.0:" + listener.port() + ":80"}).err, "Note: ctl (pid "));
  CHECK(!says(session.ctl({"ports", "mail", "+" + listener.port() + ":80/udp"}).err, "Note:"));
}

TEST_CASE("ports: a port of root's, and an address that this host does not have, are told before, too") {
  const Usual session;
  CHECK(session.ctl({"ports", "db", "+10.9.9.9:auto:22"})
            .err.starts_with("Note: this machine does not have the address 10.9.9.9.\n"));
  CHECK(ports_of(session, "db") == R"(["10.9.9.9:auto:22"])");
  if (geteuid() == 0) {
    MESSAGE("root may listen on all ports: that of root's ports is seen by e2e");
    return;
  }
  CHECK(session.ctl({"ports", "db", "+80:80"}).err.starts_with("Note: only root may listen on ports below "));
}

TEST_CASE("ports: words that make no sense") {
  const Usual session;
  CHECK(session.err({"ports", "db", "2222:22"}, 2) ==
        "virtsessionctl: ports: \"2222:22\" has no sign\n"
        "  To add a forward:  +2222:22\n  To remove it:  -2222:22\n");
  CHECK(session.err({"ports", "+2222:22"}, 2) ==
        "virtsessionctl: ports: VM is required before \"+2222:22\"\n  See:  virtsessionctl help ports\n");
  CHECK(says(session.err({"ports", "db", "+auto"}, 2), "\"auto\""));
  CHECK(says(session.err({"ports", "db", "+99999:22"}, 2), "99999:22"));
  CHECK(says(session.err({"ports", "db", "--jsno"}, 2), "did you mean \"--json\"?"));
  CHECK(says(session.err({"ports", "nobody", "+auto:22"}, 4), "nobody"));
  CHECK(ports_of(session, "db") == "[]");
}

TEST_CASE("address: a VM that is off, and one of which nothing is known") {
  const Usual session;
  CHECK(session.err({"address", "db"}, 1) ==
        "virtsessionctl: db is off, and has no address\n  Start it:  virtsessionctl start db\n");
  const auto result = session.ctl({"address", "web"});
  INFO(result.err << result.out);
  // libvirt's test driver makes addresses up, for VMs with a network interface.
  CHECK(result.status == 1);
  CHECK(says(result.err, "virtsessionctl ports web +auto:22"));
}
