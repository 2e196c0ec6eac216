// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/keep.hpp"

#include "core/battery_run.hpp"
#include "core/past.hpp"
#include "core/start_run.hpp"
#include "core/stop_run.hpp"
#include "core/vm_kept.hpp"
#include "core/vms.hpp"

namespace virtsession {

std::set<std::string> up_for_next_login(const Vms& vms, const StartRun& starts) {
  // Until it was used, what ran at the last stop is still so; until the first list was read, nothing else is known.
  auto up = starts.was_up();
  for (const Vm& vm : vms.attended())
    if (starts.begun() && vm.status().intent == Intent::up && vm.domain().persistent && !vm.is_stopping())
      up.insert(vm.uuid());
  return up;
}

Kept kept_of(const Vms& vms, const Past& past, const StartRun& starts, const StopRun& stops,
             const BatteryRun& battery) {
  Kept kept;
  past.keep(kept);
  for (const Vm& vm : vms.used())
    if (vm.domain().persistent) kept.lasting[vm.uuid()] = vm.lasting();
  if (stops.session_over()) {
    kept.session_over = true;
    kept.up = stops.up();
    return kept;
  }
  kept.autostart_begun = starts.begun();
  kept.first_listed_usec = vms.first_listed_usec();
  kept.power = battery.power();
  kept.up = up_for_next_login(vms, starts);
  for (const Vm& vm : vms.used()) kept.vms[vm.uuid()] = kept_of(vm);
  // What is stopped for the end of the session goes on at the next login.
  if (stops.ends_session()) kept.up = stops.up();
  if (stops.ends_session() || stops.under_way()) kept.stop = KeptStop{stops.begun(), stops.deadline(), stops.cause()};
  return kept;
}

}  // namespace virtsession
