// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/mocked_upower.hpp"

#include <vector>

namespace virtsession::test {
namespace {

constexpr const char* kUPower = "org.freedesktop.UPower";

void update(const Host& host, const std::string& path, const std::string& interface, const std::string& property,
            const std::string& type, const std::string& value) {
  host.must_exec({"busctl", "call", kUPower, path, "org.freedesktop.DBus.Mock", "UpdateProperties", "sa{sv}", interface,
                  "1", property, type, value});
}

}  // namespace

MockedUPower::MockedUPower(const Host& host, bool on_battery) : host_(host) {
  host.write_file("/etc/dbus-1/system.d/upower.conf",
                  R"(<busconfig><policy user="root"><allow own="org.freedesktop.UPower"/></policy>
<policy context="default"><allow send_destination="org.freedesktop.UPower"/></policy></busconfig>)");
  host.must_exec({"systemctl", "reload", "dbus"});
  host.must_exec({"systemd-run", "--unit=upower-mock", "--property=Type=dbus",
                  "--property=BusName=org.freedesktop.UPower", "/usr/bin/python3", "-m", "dbusmock", "--system",
                  "--template", "upower", "--parameters",
                  std::string(R"({"OnBattery": )") + (on_battery ? "true}" : "false}")});
}

void MockedUPower::plug(bool in) const {
  update(host_, "/org/freedesktop/UPower", kUPower, "OnBattery", "b", in ? "false" : "true");
}

void MockedUPower::set_low(bool low) const {
  update(host_, "/org/freedesktop/UPower/devices/DisplayDevice", "org.freedesktop.UPower.Device", "WarningLevel", "u",
         low ? "3" : "1");
}

}  // namespace virtsession::test
