// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

#include <filesystem>
#include <fstream>

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
