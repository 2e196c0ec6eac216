// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../calls.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "util/build_config.hpp"

#include <fmt/format.h>

// reload, restart-libvirt and version: the service itself.

namespace virtsession::ctl {
namespace {

void tell(Console& console, const std::string& done) {
  if (console.json)
    console.print_json({{"result", "done"}});
  else
    console.print(done);
}

}  // namespace

Verb add_reload(CLI::App& app) {
  auto* command = app.add_subcommand("reload", "Read the configuration again")->group(kService);
  command->footer("A configuration that cannot be used is refused, and the old one stays in force.");
  return {command, Completes::nothing, [](Console& console) {
            Client client;
            client.require_or_start(console);
            call_manager(client, console, send_method(ManagerProxy::INTERFACE_NAME, "Reload", VariantMap()));
            const auto path = client.manager_properties().text("ConfigPath");
            tell(console, path.empty() ? "There is no configuration file; the built-in defaults are in force."
                                       : printable(path) + " is in force.");
            return 0;
          }};
}

Verb add_restart_libvirt(CLI::App& app) {
  const auto options = std::make_shared<Waiting>();
  auto* command = app.add_subcommand("restart-libvirt", "Restart the libvirt daemon; VMs run on")->group(kService);
  const auto force = std::make_shared<bool>(false);
  command->add_flag("--force", *force, "Also while a transient VM runs, which may end");
  add_timeout(*command, *options, "Wait no longer than this; it goes on");
  command->footer(
      "Refuses while a transient VM runs: programs such as libguestfs have theirs ended when their connection to "
      "libvirt is cut.");
  return {command, Completes::nothing, [options, force](Console& console) {
            Client client;
            client.require_or_start(console);
            VariantMap given;
            if (*force) given["force"] = sdbus::Variant(true);
            call_manager(client, console, send_method(ManagerProxy::INTERFACE_NAME, "RestartLibvirt", given), {},
                         options->timeout());
            const auto now = client.manager_properties();
            tell(console,
                 printable(now.text("LibvirtDaemon")) + " " + printable(now.text("LibvirtVersion")) + " is ready.");
            return 0;
          }};
}

Verb add_version(CLI::App& app) {
  auto* command = app.add_subcommand("version", "Show the versions of everything")->group(kService);
  return {command, Completes::nothing, [](Console& console) {
            Client client;
            const bool runs = client.find();
            const auto now = runs ? client.manager_properties() : Properties();
            if (console.json) {
              console.print_json({{"virtsessionctl", build::kVersion},
                                  {"virtsessiond", now.text("Version")},
                                  {"libvirt_daemon", now.text("LibvirtDaemon")},
                                  {"libvirt", now.text("LibvirtVersion")}});
              return 0;
            }
            console.print(fmt::format("virtsessionctl {}", build::kVersion));
            console.print(runs ? "virtsessiond " + printable(now.text("Version")) : "virtsessiond does not run");
            if (!now.text("LibvirtVersion").empty())
              console.print(printable(now.text("LibvirtDaemon") + " " + now.text("LibvirtVersion")));
            return 0;
          }};
}

}  // namespace virtsession::ctl
