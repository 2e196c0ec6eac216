// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../monitor.hpp"

#include "../client.hpp"
#include "../exit_code.hpp"
#include "../select.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {

Verb add_monitor(CLI::App& app) {
  const auto patterns = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("monitor", "Show every change as it happens, until Ctrl-C")->group(kLook);
  command->add_option("VM", *patterns, "Only these VMs");
  command->footer("Goes on when virtsessiond is restarted, and waits for it when it does not run.");
  return {command, Completes::vms, [patterns](Console& console) {
            Client client;
            std::vector<VmInfo> vms;
            const bool runs = client.find();
            Monitor monitor(client, console, *patterns);  // from here on no change is missed
            if (runs) {
              vms = client.vms();
              if (!vms.empty()) static_cast<void>(select_vms(vms, *patterns));
            }
            if (!runs)
              console.note("virtsessiond does not run; waiting for it.");
            else if (console.err().is_terminal)
              console.note("Waiting for changes; Ctrl-C ends it.");
            monitor.run(vms);
            return int{kOk};
          }};
}

}  // namespace virtsession::ctl
