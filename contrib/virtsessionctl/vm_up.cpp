// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vm_up.hpp"

#include "calls.hpp"
#include "text.hpp"
#include "vm_operation.hpp"

namespace virtsession::ctl {
namespace {

void start(Client& client, Console& console, const VmInfo& vm, std::optional<std::chrono::milliseconds> at_most) {
  Outcome ended;
  Calls(client, console, {vm})
      .run({{vm.path, {vm_method("Start", {{"wait", sdbus::Variant(true)}})}}}, at_most,
           [&](std::size_t, const Outcome& outcome) { ended = outcome; });
  if (!ended.succeeded())
    throw Failure(kFailed, printable(vm.name()) + ": failed to start: " + printable(ended.message),
                  hint_for(ended.error_name, vm.command_word()));
}

}  // namespace

Client client_for(Console& console, const VmWanted& wanted) {
  Client client;
  if (wanted.start)
    client.require_or_start(console);
  else
    client.require();
  client.require_libvirt();
  return client;
}

VmInfo bring_up(Client& client, Console& console, const VmInfo& vm, const VmWanted& wanted,
                std::optional<std::chrono::milliseconds> at_most) {
  if (vm.is_active()) return vm;
  if (!wanted.start)
    throw Failure(kFailed, printable(vm.name()) + " is off",
                  "Start it first:  " + wanted.start_command + vm.command_word());
  start(client, console, vm, at_most);
  auto now = client.vm(vm.uuid());
  if (!now || !now->is_active())
    throw Failure(kFailed, printable(vm.name()) + " was started, and is off again",
                  "Why:  virtsessionctl status " + vm.command_word());
  return *std::move(now);
}

}  // namespace virtsession::ctl
