// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>

// What doctor says of how VMs are reached.

using namespace virtsession;
using namespace virtsession::test;
using nlohmann::json;

namespace {

/// What a check of doctor's says that is not "ok", a line each: "web: 127.0.0.1:28080/tcp, which ..."
std::string reach_findings(Desktop& desktop, const std::string& id) {
  std::string text;
  for (const auto& row : json::parse(ctl(desktop, {"doctor", "--json"}).out))
    if (row.at("id") == id && row.at("severity") != "ok")
      text += row.at("subject").get<std::string>() + ": " + row.at("text").get<std::string>() + "\n";
  return text;
}

}  // namespace

TEST_CASE("doctor names who has a port that is to lead to a VM, ports of root, and a vsock that cannot be used") {
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define({.name = "web",
                                   .system = System::none,
                                   .policy = R"({"ports": ["28080:80", "81:81"]})",
                                   .devices = "<interface type='user'/>\n"});
  wait_until_known(desktop, {"web"});
  CHECK(reach_findings(desktop, "port-free").empty());
  CHECK(
      has(reach_findings(desktop, "port-allowed"), "web: 127.0.0.1:81/tcp, which is to lead to port 81 of the guest"));
  run_beside(desktop, "taker", {"python3", "-m", "http.server", "28080", "--bind", "127.0.0.1"});
  wait_until([&] { return has(reach_findings(desktop, "port-free"), "28080"); }, kSoon, "the port is taken");
  CHECK(has(reach_findings(desktop, "port-free"),
            "web: 127.0.0.1:28080/tcp, which is to lead to port 80 of the guest, is taken by python3 (pid " +
                std::to_string(desktop.main_pid("taker.service")) + ")"));
  desktop.systemctl({"stop", "taker"});
  CHECK(reach_findings(desktop, "port-free").empty());

  CHECK(reach_findings(desktop, "vsock").empty());
  const auto sock = desktop.define(
      {.name = "sock", .system = System::none, .devices = "<vsock model='virtio'><cid auto='yes'/></vsock>\n"});
  wait_until_known(desktop, {"sock"});
  // Whether the device is there, and whose it is, is the machine's affair.
  if (!desktop.host().exec({"test", "-e", "/dev/vhost-vsock"}).succeeded())
    MESSAGE("there is no /dev/vhost-vsock here: what doctor says of that is seen, and no VM that uses it");
  const auto device = desktop.host().user(kUser, {"sh", "-c", "exec 3<>/dev/vhost-vsock"});
  CHECK(reach_findings(desktop, "vsock").empty() == device.succeeded());
}

TEST_CASE("doctor tells of a port that leads to a guest in which nobody listens") {
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define({.name = "web",
                                   .policy = R"({"ports": ["28080:80"]})",
                                   .kernel_arguments = "guest.listen=80",
                                   .port_forward = PortForward{28080, 80}});
  const auto deaf = desktop.define({.name = "deaf",
                                    .policy = R"({"ports": ["28081:81"]})",
                                    .kernel_arguments = "guest.listen=80",
                                    .port_forward = PortForward{28081, 81}});
  web.start();
  deaf.start();
  web.wait_for_console("guest listens", kLong);
  deaf.wait_for_console("guest listens", kLong);
  wait_until(
      [&] { return has(reach_findings(desktop, "forward-answers"), "deaf: 127.0.0.1:28081/tcp leads to port 81"); },
      kSoon, "the guest refuses");
  CHECK_FALSE(has(reach_findings(desktop, "forward-answers"), "web: "));
  CHECK(reach_findings(desktop, "port-free").empty());  // it is the VMs themselves who listen
}
