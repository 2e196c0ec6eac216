#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many VMs run, for a status bar: one line at the beginning and at each change, without polling.

waybar:   "custom/vms": { "exec": "bar-module.py", "return-type": "json" }
polybar:  [module/vms]
          type = custom/script
          exec = bar-module.py --text
          tail = true

Without virtsessiond the line is empty, which hides the module; it is not started for this. Needs python3-gi.
"""

import json
import sys

from gi.repository import Gio, GLib

SERVICE = "org.virtsession.Supervisor1"
UP = ("running", "waiting-ready", "stopping", "saving")
TROUBLE = ("gave-up", "backoff", "stuck")


class Module:
    def __init__(self, as_text):
        self.as_text = as_text
        self.planned = False
        self.shown = None
        self.manager = Gio.DBusObjectManagerClient.new_for_bus_sync(
            Gio.BusType.SESSION, Gio.DBusObjectManagerClientFlags.DO_NOT_AUTO_START, SERVICE,
            "/org/virtsession/Supervisor1", None, None, None)
        for signal in ("object-added", "object-removed", "interface-proxy-properties-changed", "notify::name-owner"):
            self.manager.connect(signal, self.plan)
        self.plan()

    def plan(self, *_):
        """However much changes at once, it is one line."""
        if not self.planned:
            self.planned = True
            GLib.idle_add(self.show)

    def show(self):
        self.planned = False
        line = self.line()
        if line != self.shown:
            print(line, flush=True)
        self.shown = line
        return GLib.SOURCE_REMOVE

    def line(self):
        vms = [item.get_interface(SERVICE + ".VM") for item in self.manager.get_objects()]
        rows = sorted(tuple(vm.get_cached_property(key).unpack() for key in ("Name", "Phase", "PhaseReason"))
                      for vm in vms if vm and vm.get_cached_property("Name"))
        phases = [phase for _, phase, _ in rows]
        text = f"{sum(phase in UP for phase in phases)} running" if self.manager.get_name_owner() else ""
        if self.as_text:
            return text
        trouble = any(phase in TROUBLE for phase in phases)
        tooltip = "\n".join(f"{name}: {phase} ({reason})" for name, phase, reason in rows)
        return json.dumps({"text": text, "tooltip": GLib.markup_escape_text(tooltip),
                           "class": "warning" if trouble else "normal"})


module = Module("--text" in sys.argv[1:])
try:
    GLib.MainLoop().run()
except KeyboardInterrupt:
    pass
