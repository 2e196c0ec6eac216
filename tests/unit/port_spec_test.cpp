// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/port_spec.hpp"

#include <doctest/doctest.h>

#include <regex>

using namespace virtsession;

namespace {

struct GoodSpec {
  const char* text;
  const char* nic;
  HostPort host;
  std::uint16_t guest_port;
  const char* shortest;
};

const std::vector<GoodSpec> kGoodSpecs = {
    {"2222:22", "", {"127.0.0.1", 2222, PortProtocol::tcp}, 22, "2222:22"},
    {"127.0.0.1:8080:80/tcp", "", {"127.0.0.1", 8080, PortProtocol::tcp}, 80, "8080:80"},
    {"0.0.0.0:8080:80", "", {"0.0.0.0", 8080, PortProtocol::tcp}, 80, "0.0.0.0:8080:80"},
    {"5353:53/udp", "", {"127.0.0.1", 5353, PortProtocol::udp}, 53, "5353:53/udp"},
    {"auto:22", "", {"127.0.0.1", 0, PortProtocol::tcp}, 22, "auto:22"},
    {"127.0.0.2:auto:22", "", {"127.0.0.2", 0, PortProtocol::tcp}, 22, "127.0.0.2:auto:22"},
    {"net1/2222:22", "net1", {"127.0.0.1", 2222, PortProtocol::tcp}, 22, "net1/2222:22"},
    {"52:54:00:AA:bb:01/2222:22/udp",
     "52:54:00:aa:bb:01",
     {"127.0.0.1", 2222, PortProtocol::udp},
     22,
     "52:54:00:aa:bb:01/2222:22/udp"},
    {"[::1]:2222:22", "", {"::1", 2222, PortProtocol::tcp}, 22, "[::1]:2222:22"},
    {"net0/[0:0:0:0:0:0:0:1]:auto:22/tcp", "net0", {"::1", 0, PortProtocol::tcp}, 22, "net0/[::1]:auto:22"},
    {"1:65535", "", {"127.0.0.1", 1, PortProtocol::tcp}, 65535, "1:65535"},
};

struct BadSpec {
  std::string text;
  const char* says;
};

const std::vector<BadSpec> kBadSpecs = {
    {"", "HOSTPORT:GUESTPORT"},
    {"22", "HOSTPORT:GUESTPORT"},
    {"2222:22/sctp", "neither /tcp nor /udp"},
    {"2222:22/", "neither /tcp nor /udp"},
    {"2222:0", "guest port \"0\""},
    {"0:22", "or auto for one"},
    {"65536:22", "host port \"65536\""},
    {"2222:ssh", "guest port \"ssh\""},
    {"2222:auto", "guest port \"auto\""},
    {"+1:22", "host port \"+1\""},
    {" 2222:22", "host port \" 2222\""},
    {"Auto:22", "or auto for one"},
    {"localhost:2222:22", "no IP address"},
    {"127.0.0.1.1:2222:22", "no IP address"},
    {":2222:22", "no IP address"},
    {"::1:2222:22", "write [::1]"},
    {"[127.0.0.1]:2222:22", "no IP address"},
    {"[::1]:22", "host port"},
    {"eth0/2222:22", "write net0 for the first one"},
    {"/2222:22", "write net0 for the first one"},
    {"net/2222:22", "write net0"},
    {"net0/net1/2222:22", "host port"},
    {"52:54:00:aa:bb/2222:22", "MAC address"},
    {std::string("127.0.0.1\0:2222:22", 18), "no IP address"},
    {std::string(300, '1') + ":22", "too long"},
};

}  // namespace

TEST_CASE("port spec: every form is read, and has a shortest text with the same meaning") {
  const std::regex pattern(kPortSpecPattern);
  for (const auto& row : kGoodSpecs) {
    CAPTURE(row.text);
    const auto spec = parse_port_spec(row.text);
    REQUIRE(spec);
    CHECK(spec->text == row.text);
    CHECK(spec->nic == row.nic);
    CHECK(spec->host == row.host);
    CHECK(spec->guest_port == row.guest_port);
    CHECK(to_text(*spec) == row.shortest);
    CHECK(to_text(*parse_port_spec(row.shortest)) == row.shortest);
    CHECK_MESSAGE(std::regex_match(row.text, pattern), "an editor with the schema takes it, too");
  }
}

TEST_CASE("port spec: what is wrong is said, with the text itself") {
  for (const auto& row : kBadSpecs) {
    CAPTURE(row.text);
    const auto spec = parse_port_spec(row.text);
    REQUIRE_FALSE(spec);
    const auto said = spec.error().message;
    CAPTURE(said);
    CHECK(spec.error().code == ErrorCode::invalid_args);
    CHECK(said.starts_with("\"" + row.text.substr(0, 200) + "\" "));
    CHECK(said.find(row.says) != std::string::npos);
  }
}

TEST_CASE("port spec: 0.0.0.0 has every IPv4 address, :: every address, and a protocol has ports of its own") {
  const HostPort here{"127.0.0.1", 22, PortProtocol::tcp};
  CHECK(overlap(here, here));
  CHECK(overlap(here, {"0.0.0.0", 22, PortProtocol::tcp}));
  CHECK(overlap({"0.0.0.0", 22, PortProtocol::tcp}, here));
  CHECK(overlap(here, {"::", 22, PortProtocol::tcp}));
  CHECK(overlap({"::1", 22, PortProtocol::tcp}, {"::", 22, PortProtocol::tcp}));
  CHECK_FALSE(overlap({"::1", 22, PortProtocol::tcp}, {"0.0.0.0", 22, PortProtocol::tcp}));
  CHECK_FALSE(overlap(here, {"127.0.0.2", 22, PortProtocol::tcp}));
  CHECK_FALSE(overlap(here, {"127.0.0.1", 23, PortProtocol::tcp}));
  CHECK_FALSE(overlap(here, {"127.0.0.1", 22, PortProtocol::udp}));
  CHECK_FALSE(overlap({}, {}));
  CHECK(to_text(here) == "127.0.0.1:22/tcp");
  CHECK(to_text(HostPort{"::1", 0, PortProtocol::udp}) == "[::1]:auto/udp");
}
