// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <set>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kName = "org.virtsession.Supervisor1";

/// The members of one interface in introspection XML, with their argument or value types: "method Start a{sv}".
std::set<std::string> members(const std::string& xml, const std::string& interface) {
  const auto begin = xml.find("<interface name=\"" + interface + "\"");
  REQUIRE(begin != std::string::npos);
  const auto body = xml.substr(begin, xml.find("</interface>", begin) - begin);
  std::set<std::string> found;
  std::string member;
  const std::regex tag(R"re(<(method|property|signal|arg)\s([^>]*)>)re");
  const std::regex attribute(R"re((name|type|access|direction)="([^"]*)")re");
  for (std::sregex_iterator element(body.begin(), body.end(), tag), end; element != end; ++element) {
    const auto kind = (*element)[1].str();
    const auto text = (*element)[2].str();
    std::map<std::string, std::string> values;
    for (std::sregex_iterator value(text.begin(), text.end(), attribute); value != end; ++value)
      values[(*value)[1].str()] = (*value)[2].str();
    if (kind != "arg") member = kind + " " + values["name"];
    found.insert(member + " " + values["type"] + " " + (kind == "arg" ? values["direction"] : values["access"]));
  }
  return found;
}

}  // namespace

TEST_CASE("busctl and gdbus show the API as the installed XML has it") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "a", .system = System::none, .title = "A title"});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  const auto vm = *desktop.find("a");
  const std::string root(kRootPath);

  for (const auto& object :
       {std::pair{root, std::string(kManagerInterface)}, std::pair{vm, std::string(kVmInterface)}}) {
    const auto& path = object.first;
    const auto& interface = object.second;  // no structured binding: INFO's lambda cannot capture one for clang
    INFO(interface);
    const auto shown =
        desktop.run({"gdbus", "introspect", "--session", "--dest", kName, "--object-path", path, "--xml"});
    const auto installed =
        desktop.host().must_exec({"cat", "/usr/local/share/dbus-1/interfaces/" + interface + ".xml"});
    REQUIRE(!members(installed, interface).empty());
    CHECK(members(shown, interface) == members(installed, interface));
    const auto table = desktop.run({"busctl", "--user", "introspect", kName, path, interface});
    for (const auto& member : members(installed, interface)) {
      const auto name =
          member.substr(member.find(' ') + 1, member.find(' ', member.find(' ') + 1) - member.find(' ') - 1);
      INFO(name);
      CHECK(table.find("." + name + " ") != std::string::npos);
    }
  }
  CHECK(desktop.run({"busctl", "--user", "get-property", kName, vm, kVmInterface, "Title"}) == "s \"A title\"");
  CHECK(desktop.run({"busctl", "--user", "call", kName, root, kManagerInterface, "GetVM", "sa{sv}", "a", "0"}) ==
        "o \"" + vm + "\"");
  CHECK(desktop.run({"busctl", "--user", "call", kName, vm, kVmInterface, "Start", "a{sv}", "1", "paused", "b", "true"})
            .empty());
  CHECK(desktop.run({"busctl", "--user", "get-property", kName, vm, kVmInterface, "State"}) == "s \"paused\"");
  const auto refused = desktop.host().user(
      kUser, {"busctl", "--user", "call", kName, root, kManagerInterface, "GetVM", "sa{sv}", "b", "0"});
  CHECK(refused.status != 0);
  CHECK(refused.err.find("no VM of this user has the name or uuid \"b\"") != std::string::npos);
}

TEST_CASE("busctl monitor shows one signal for one change") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "a", .system = System::none});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  const auto path = *desktop.find("a");
  // The monitor is a process of the session; its output is a file that is waited for.
  desktop.run({"systemd-run", "--user", "--quiet", "--unit=monitor",
               "--property=StandardOutput=file:/home/alice/monitor", "busctl", "--user", "monitor", "--json=short",
               "--match", std::string("type='signal',path='") + path + "'"});
  const auto seen = [&] { return desktop.host().read_file("/home/alice/monitor").value_or(""); };
  // It is ready when it sees a change; each round changes the flag once more until then.
  bool on = false;
  wait_until(
      [&] {
        desktop.virsh(on ? std::vector<std::string>{"autostart", "--disable", "a"}
                         : std::vector<std::string>{"autostart", "a"});
        on = !on;
        return seen().find("Autostart") != std::string::npos;
      },
      kSoon, "the monitor sees changes");
  desktop.virsh({"start", "a"});
  wait_until([&] { return seen().find("\"running\"") != std::string::npos; }, kSoon, "the monitor has seen the start");
  CHECK(seen().find("PropertiesChanged") != std::string::npos);
  CHECK(seen().find("\"PhaseReason\"") != std::string::npos);
}

TEST_CASE("systemd has nothing to say about the units") {
  Desktop desktop;
  desktop.login();
  const auto files = desktop.run({"sh", "-c", "ls /usr/local/lib/systemd/user/virtsession*"});
  const auto result = desktop.host().user(
      kUser, {"sh", "-c", "systemd-analyze --user verify /usr/local/lib/systemd/user/virtsession*"});
  CHECK(result.status == 0);
  CHECK(result.out + result.err == "");
  // Killed while nobody asks: it comes back; stopped by hand: its bus name starts it again.
  desktop.host().must_exec({"kill", "-9", std::to_string(desktop.main_pid("virtsessiond.service"))});
  wait_until([&] { return desktop.main_pid("virtsessiond.service") > 0; }, kSoon, "systemd has restarted it");
  desktop.systemctl({"stop", "virtsessiond"});
  desktop.run({"busctl", "--user", "call", kName, std::string(kRootPath), kManagerInterface, "ListVMs", "a{sv}", "0"});
  CHECK(desktop.systemctl({"is-active", "virtsessiond"}) == "active");
}

TEST_CASE("virtsessiond started the moment the session begins, before systemd is on the bus") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  // A bus that was not used yet: systemd connects to it only after it has started.
  desktop.systemctl({"stop", "dbus.service"});
  desktop.systemctl({"start", "virtsessiond.service"});
  desktop.wait_ready();
  CHECK(desktop.systemctl({"show", "-P", "NRestarts", "virtsessiond.service"}) == "0");
}
