// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <filesystem>
#include <fstream>

// virtsessionctl on-demand, as far as it goes without systemd; with it: tests/e2e/on_demand_test.cpp.

using namespace virtsession::test;

namespace {

constexpr const char* kOddUuid = "51111111-2222-3333-4444-555555555555";

/// "one-two 3%", which has a card of QEMU's user network, beside those that most tests have.
struct WithOdd : Session {
  WithOdd() {
    define(usual_domains() + domain("one-two 3%", kOddUuid, false, "<devices><interface type='user'/></devices>"));
    start_daemon();
  }
};

}  // namespace

TEST_CASE("on-demand: what makes no sense is refused, and nothing is changed") {
  const WithOdd session;
  CHECK(session.err({"on-demand", "web"}, 2).find("PORTS is required") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "99999:22"}, 2).find("from 1 to 65535") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "auto:22"}, 2).find("has to be a number") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "5353:53/udp"}, 2).find("TCP connections alone") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "8080:80", "--idle", "soon"}, 2).find("no time") != std::string::npos);
  CHECK(session.err({"on-demand", "wbe", "8080:80"}, 4).find("did you mean \"web\"?") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "8080:80"}, 1).find("no network card of type user") != std::string::npos);
  CHECK(session.err({"on-demand", "web", "--remove"}, 1).find("is not started on demand") != std::string::npos);
  CHECK(session.err({"on-demand", "wbe", "--remove"}, 4).find("no VM has the name") != std::string::npos);
  CHECK(session.err({"on-demand", "one-two 3%", "24690:80"}, 1).find("systemd cannot be reached") != std::string::npos);
  CHECK(session.json({"list", "one-two 3%"})[0]["PolicyOverrides"].empty());
  CHECK_FALSE(std::filesystem::exists(session.folder() / "config/systemd"));
}

TEST_CASE("list says which VMs a connection starts") {
  const WithOdd session;
  CHECK(session.json({"list", "web"})[0]["OnDemand"].empty());
  const auto folder = session.folder() / "config/systemd/user";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / std::string(R"(virtsession-on-demand-one\x2dtwo\x203\x25-2222.socket)"))
      << "# Made by virtsessionctl on-demand, which replaces and removes it.\n[Socket]\nListenStream=127.0.0.1:2222\n"
         "[X-Virtsession]\nVM="
      << kOddUuid
      << "\nName=one\\x2dtwo\\x203\\x25\nListen=127.0.0.1:2222:22\nForward=30001:22\nIdle=10min\n"
         "SetStopActions=no\n";
  std::ofstream(folder / "virtsession-on-demand-web-2223.socket") << "[Socket]\n";  // somebody else's
  CHECK(session.json({"list", "one-two 3%"})[0]["OnDemand"] ==
        nlohmann::json::parse(R"([{"listen": "127.0.0.1:2222", "guest_port": 22, "idle": "10min"}])"));
  CHECK(session.out({"list", "one-two 3%"}).find("on demand") != std::string::npos);
  CHECK(session.out({"list", "web"}).find("on demand") == std::string::npos);
}
