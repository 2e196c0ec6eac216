#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows all VMs, and from then on every change, live. Needs the distribution's python3-gi."""

from gi.repository import Gio, GLib

SERVICE = "org.virtsession.Supervisor1"


def show(vm):
    """One line: a VM's name, its phase and why. While the service is away its properties are not known."""
    name, phase, reason = (vm.get_cached_property(key) for key in ("Name", "Phase", "PhaseReason"))
    if name and phase and reason:
        print(f"{name.unpack()}: {phase.unpack()} ({reason.unpack()})", flush=True)


def on_added(_, item):
    if vm := item.get_interface(SERVICE + ".VM"):
        show(vm)


def on_removed(_, item):
    if vm := item.get_interface(SERVICE + ".VM"):
        print(f"{vm.get_cached_property('Name').unpack()}: gone", flush=True)


def on_changed(_, _item, vm, changed, _invalidated):
    if {"Phase", "PhaseReason"} & set(changed.keys()):
        show(vm)


# Reads everything once (GetManagedObjects), and then only listens.
manager = Gio.DBusObjectManagerClient.new_for_bus_sync(
    Gio.BusType.SESSION, Gio.DBusObjectManagerClientFlags.NONE, SERVICE, "/org/virtsession/Supervisor1", None, None, None)
manager.connect("object-added", on_added)
manager.connect("object-removed", on_removed)
manager.connect("interface-proxy-properties-changed", on_changed)
for known in manager.get_objects():
    on_added(manager, known)
try:
    GLib.MainLoop().run()
except KeyboardInterrupt:
    pass
