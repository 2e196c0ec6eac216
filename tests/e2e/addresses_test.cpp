// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

// Where a guest can be reached, as its agent, the host and its definition say.

namespace {

using Rows = std::vector<VariantMap>;

/// "10.0.2.15 net0 agent"
std::string text_of(const Rows& rows) {
  std::string text;
  for (const auto& row : rows)
    text += (text.empty() ? "" : ", ") + row.at("address").get<std::string>() + " " + row.at("nic").get<std::string>() +
            " " + row.at("source").get<std::string>();
  return text;
}

/// Of a guest in QEMU's user networking; what it has of IPv6 follows.
bool is_known(const std::string& addresses) { return addresses.starts_with("10.0.2.15 net0 agent"); }

std::string addresses(Desktop& desktop, const std::string& name) {
  return text_of(desktop.vm(name).at("Addresses").get<Rows>());
}

constexpr const char* kUserNic =
    "<interface type='user'><mac address='52:54:00:00:00:07'/><model type='virtio'/><rom enabled='no'/></interface>\n";

}  // namespace

TEST_CASE("the address that a guest gives itself appears by itself, also when its agent is there before its network") {
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define(
      {.name = "web", .system = System::agent, .kernel_arguments = "guest.network_delay=4", .devices = kUserNic});
  web.start();
  wait_until([&] { return is_known(addresses(desktop, "web")); }, kLong, "its address is there");
  CHECK(web.console().find("guest agent starts") < web.console().find("guest has its network"));
  const auto row = desktop.vm("web").at("Addresses").get<Rows>().front();
  CHECK(row.at("mac").get<std::string>() == "52:54:00:00:00:07");

  VmProxy vm(desktop.api().connection(), *desktop.find("web"));
  CHECK(is_known(text_of(vm.ListAddresses({}))));

  // A guest that stands still is not asked, and what is known of it stays.
  desktop.virsh({"suspend", "web"});
  desktop.wait_for("web", "Phase", "paused");
  CHECK(is_known(text_of(vm.ListAddresses({}))));
  desktop.virsh({"resume", "web"});

  // What was learned outlives neither virtsessiond, which asks again, nor the run.
  desktop.systemctl({"restart", "virtsessiond.service"});
  desktop.wait_ready();
  wait_until([&] { return is_known(addresses(desktop, "web")); }, kSoon, "its address is there again");
  CHECK(desktop.call("web", "PowerOff").error_name.empty());
  CHECK(addresses(desktop, "web").empty());
  const auto off = desktop.call("web", "ListAddresses");
  CHECK(off.error_name == "org.virtsession.Supervisor1.Error.OperationFailed");
  CHECK(off.message == "VM \"web\" does not run: it has no addresses");
}
