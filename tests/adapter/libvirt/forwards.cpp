// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/forwards.hpp"

#include "fixture.hpp"
#include "libvirt/domain_xml.hpp"
#include "libvirt/forward_xml.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

// As QEMU 7.2 said it.
constexpr const char* kUsernet =
    "Hub -1 (hostnet0):\r\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[TIME_WAIT]     12       127.0.0.1  2222       10.0.2.15    80     0     0\r\n"
    "  TCP[HOST_FORWARD]  14       127.0.0.1 36185       10.0.2.15    80     0     0\r\n"
    "  UDP[HOST_FORWARD]  13       127.0.0.1  5353       10.0.2.15    53     0     0\r\n"
    "  UDP[236 sec]       15       10.0.2.15 12345        10.0.2.3    53     0     0\r\n"
    "  ICMP[10 sec]       16       10.0.2.15     -        10.0.2.2     -     0     0\r\n"
    "Hub -1 (hostnet1):\r\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[HOST_FORWARD]  12               *  2223       10.0.2.15    80     0     0\r\n"
    "Hub 0 (forward):\r\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[HOST_FORWARD]  17       127.0.0.1  8080       10.0.2.15    80     0     0\r\n";

constexpr const char* kMac = "52:54:00:00:00:01";

// As libvirt writes it; a person has put the forward of 9999 there.
constexpr const char* kDefinition = R"(<domain type='qemu'>
  <name>a</name>
  <metadata>
    <virtsession:policy xmlns:virtsession="https://virtsession.org/policy/1">{"ports": ["2222:22"]}</virtsession:policy>
  </metadata>
  <devices>
    <graphics type='vnc' passwd='secret &amp; more'/>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:00'/>
      <source bridge='br0'/>
    </interface>
    <interface type='user'>
      <mac address='52:54:00:00:00:01'/>
      <backend type='passt'/>
      <portForward proto='tcp' address='127.0.0.1'>
        <range start='9999' to='99'/>
      </portForward>
      <portForward proto='udp'>
        <range start='5000' end='5002'/>
        <range start='6000' end='9000'/>
      </portForward>
      <portForward proto='tcp'/>
    </interface>
  </devices>
</domain>
)";

Forward forward(std::uint16_t port, std::uint16_t guest_port, const char* address = "127.0.0.1",
                PortProtocol protocol = PortProtocol::tcp) {
  return {kMac, {address, port, protocol}, guest_port};
}

std::string changed(const std::string& xml, const std::vector<Forward>& wanted) {
  auto result = with_own_forwards(xml, wanted);
  REQUIRE(result);
  return *result;
}

std::vector<Forward> forwards_in(const std::string& xml) {
  const auto domain = parse_domain_xml(xml);
  REQUIRE(domain);
  return domain->forwards;
}

}  // namespace

TEST_CASE("forwards: what QEMU says to info usernet") {
  const std::vector<Forward> expected = {
      {"net0", {"127.0.0.1", 36185, PortProtocol::tcp}, 80},
      {"net0", {"127.0.0.1", 5353, PortProtocol::udp}, 53},
      {"net1", {"0.0.0.0", 2223, PortProtocol::tcp}, 80},
  };
  CHECK(parse_usernet(kUsernet) == expected);
  CHECK(parse_usernet("").empty());
  CHECK(parse_usernet("unknown command: 'info usernet'\r\n").empty());
  CHECK(parse_usernet("Hub -1 (hostnet0):\n  TCP[HOST_FORWARD]  14  127.0.0.1 99999 10.0.2.15 80 0 0\n").empty());
}

TEST_CASE("forwards: those of a definition, by NIC") {
  const auto domain = parse_domain_xml(kDefinition);
  REQUIRE(domain);
  const std::vector<Forward> expected = {forward(9999, 99), forward(5000, 5000, "::", PortProtocol::udp),
                                         forward(5001, 5001, "::", PortProtocol::udp),
                                         forward(5002, 5002, "::", PortProtocol::udp)};
  CHECK(domain->forwards == expected);
  CHECK(domain->own_forwards.empty());
  REQUIRE(domain->networks.size() == 2);
  CHECK(domain->networks[0].nic == "net0");
  CHECK(domain->networks[1].nic == "net1");
}

TEST_CASE("forwards: a definition gets ours, which replace those of before; a person's stay") {
  const auto first = changed(kDefinition, {forward(2222, 22), forward(53, 53, "::1", PortProtocol::udp)});
  CHECK(
      first.find("<portForward proto=\"tcp\" address=\"127.0.0.1\"><range start=\"2222\" to=\"22\"/></portForward>") !=
      std::string::npos);
  CHECK(first.find("secret &amp; more") != std::string::npos);
  CHECK(first.find("{\"ports\": [\"2222:22\"]}") != std::string::npos);
  CHECK(forwards_in(first).size() == 6);
  const std::vector<Forward> own = {forward(2222, 22), forward(53, 53, "::1", PortProtocol::udp)};
  CHECK(*own_forwards_in(first) == own);

  const auto second = changed(first, {forward(8080, 80)});
  const auto there = forwards_in(second);
  CHECK(there.size() == 5);
  CHECK(std::count(there.begin(), there.end(), forward(8080, 80)) == 1);
  CHECK(std::count(there.begin(), there.end(), forward(9999, 99)) == 1);

  const auto none = changed(second, {});
  CHECK(forwards_in(none) == forwards_in(kDefinition));
  CHECK(none.find(kForwardsNamespace) == std::string::npos);
  CHECK_MESSAGE(forwards_in(changed(kDefinition, {forward(9999, 99)})).size() == 4, "a person's is not made twice");
}

TEST_CASE("forwards: a definition without metadata gets some; of what is no definition nothing is made") {
  const std::string bare =
      "<domain><devices><interface type='user'><mac address='52:54:00:00:00:01'/></interface></devices></domain>";
  const auto own = own_forwards_in(changed(bare, {forward(2222, 22)}));
  REQUIRE(own);
  CHECK(*own == std::vector{forward(2222, 22)});
  CHECK_FALSE(with_own_forwards("<domain", {}));
  CHECK_FALSE(with_own_forwards("<network/>", {}));
}

TEST_CASE("forwards: a NIC has the name that libvirt gives it") {
  const auto domain = parse_domain_xml(R"(<domain><devices>
    <interface type='hostdev'/>
    <interface type='user'><alias name='ua-lan'/></interface>
    <interface type='user'/>
    <interface type='user'><alias name='net5'/></interface>
  </devices></domain>)");
  REQUIRE(domain);
  std::vector<std::string> nics;
  for (const auto& network : domain->networks) nics.push_back(network.nic);
  CHECK(nics == std::vector<std::string>{"net0", "ua-lan", "net0", "net5"});
}
