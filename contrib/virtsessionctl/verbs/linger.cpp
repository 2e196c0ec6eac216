// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../calls.hpp"
#include "../console.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {
namespace {

int set(Console& console, bool enable) {
  Client client;
  client.require_or_start(console);
  call_manager(client, console,
               send_method(ManagerProxy::INTERFACE_NAME, "SetLinger", enable,
                           VariantMap{{"interactive", sdbus::Variant(true)}}));
  if (console.json)
    console.print_json({{"linger", enable}});
  else
    console.print(enable ? "From now on your VMs start when the machine boots, and run on when you log out."
                         : "From now on your VMs start when you log in, and are stopped when you log out.");
  return kOk;
}

int show(Console& console) {
  auto client = looking_client();
  const auto manager = client.manager_properties();
  if (!manager.has("Linger")) throw failure_of("org.freedesktop.DBus.Error.UnknownMethod", "virtsessiond cannot tell");
  const bool linger = manager.flag("Linger");
  if (console.json)
    console.print_json({{"linger", linger}});
  else
    console.print(linger ? "on: your VMs start when the machine boots, and run on when you log out"
                         : "off: your VMs start when you log in, and are stopped when you log out");
  return kOk;
}

}  // namespace

Verb add_linger(CLI::App& app) {
  const auto what = std::make_shared<std::string>("status");
  auto* command = app.add_subcommand("linger", "Whether VMs start at boot and outlive a logout")->group(kConfigure);
  command->add_option("WHAT", *what, "'on', 'off' or 'status' (the default)")
      ->check(CLI::IsMember({"on", "off", "status"}));
  command->footer("This is loginctl's linger; the system may ask for a password.");
  return {command, Completes::linger,
          [what](Console& console) { return *what == "status" ? show(console) : set(console, *what == "on"); }};
}

}  // namespace virtsession::ctl
