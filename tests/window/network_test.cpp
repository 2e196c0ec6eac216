// SPDX-License-Identifier: LGPL-2.1-or-later
// How a VM is reached, as the window shows it.
#include "model/network_view.hpp"

#include <doctest/doctest.h>

using namespace virtsession::window;
using nlohmann::json;

namespace {

json forward(unsigned host_port, unsigned guest_port, const std::string& state, const std::string& reason = {}) {
  return {{"host_address", "127.0.0.1"},
          {"host_port", host_port},
          {"guest_port", guest_port},
          {"protocol", "tcp"},
          {"nic", "net0"},
          {"state", state},
          {"reason", reason},
          {"spec", host_port == 0 ? "auto:" + std::to_string(guest_port)
                                  : std::to_string(host_port) + ":" + std::to_string(guest_port)}};
}

VmInfo vm(const json& forwards, const json& addresses = json::array(), const std::string& state = "running") {
  return {"/vm/web", json{{"Name", "web"},
                          {"Uuid", "u"},
                          {"State", state},
                          {"Forwards", forwards},
                          {"Addresses", addresses},
                          {"Policy", {{"ports", json::array({"2222:22", "auto:80"})}}}}};
}

}  // namespace

TEST_CASE("a forward says where it leads, how it is, and who has its port") {
  auto other = forward(8080, 80, "active");
  other["spec"] = "";
  auto dns = forward(0, 53, "off");
  dns["protocol"] = "udp";
  dns["host_address"] = "::1";
  const auto forwards =
      forwards_of(vm({forward(2222, 22, "failed", "port 2222 is in use by python3 (pid 4711)"), other, dns}));
  REQUIRE(forwards.size() == 3);
  CHECK(forwards[0].title == "127.0.0.1:2222 → 22");
  CHECK(forwards[0].note == "Failed: port 2222 is in use by python3 (pid 4711)");
  CHECK(forwards[0].tone == Tone::bad);
  CHECK(forwards[0].spec == "2222:22");
  CHECK(forwards[1].note == "Active · made by another program");
  CHECK(forwards[1].spec.empty());
  CHECK(forwards[2].title == "[::1]:automatic → 53 (UDP)");
  CHECK(forwards[2].note == "Made when the machine starts");
}

TEST_CASE("a row names the ports that work, and a failed one is known") {
  const auto some = vm(json::array({forward(2222, 22, "active"), forward(80, 80, "failed", "in use")}));
  CHECK(forwards_line(some) == "2222 → 22");
  CHECK(has_failed_forward(some));
  CHECK(view_of(some, true).forwards == "2222 → 22");
  CHECK(!has_failed_forward(vm(json::array({forward(2222, 22, "active")}))));
  CHECK(forwards_line(vm(json::array())).empty());
  CHECK(forwards_line(VmInfo("/vm/a", json::object())).empty());
}

TEST_CASE("addresses are the guest's own; the line for a shell is there when there is a way") {
  const json addresses = json::array({{{"address", "10.0.2.15"}, {"nic", "net0"}, {"source", "agent"}},
                                      {{"address", "127.0.0.1"}, {"nic", ""}, {"source", "forward"}}});
  const auto found = addresses_of(vm(json::array(), addresses));
  REQUIRE(found.size() == 1);
  CHECK(found.front().address == "10.0.2.15");
  CHECK(found.front().note == "the guest says so · net0");
  CHECK(ssh_line(vm(json::array(), addresses)) == "virtsessionctl ssh web");
  CHECK(ssh_line(vm(json::array({forward(2222, 22, "active")}))) == "virtsessionctl ssh web");
  CHECK(ssh_line(vm(json::array({forward(8080, 80, "active")}))).empty());
  CHECK(ssh_line(vm(json::array({forward(2222, 22, "off")}), json::array(), "shut-off")).empty());
}

TEST_CASE("a forward that a person wants is written as the policy has it") {
  CHECK(spec_of({.host_port = 2222, .guest_port = 22}) == "2222:22");
  CHECK(spec_of({.guest_port = 53, .udp = true}) == "auto:53/udp");
  CHECK(spec_of({.host_port = 8080, .guest_port = 80, .for_others = true}) == "0.0.0.0:8080:80");
  const auto web = vm(json::array());
  CHECK(ports_with(web, "1:2") == json::array({"2222:22", "auto:80", "1:2"}));
  CHECK(ports_without(web, "2222:22") == json::array({"auto:80"}));
  CHECK(ports_with(VmInfo("/vm/a", json::object()), "1:2") == json::array({"1:2"}));
}
