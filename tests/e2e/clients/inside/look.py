#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What virtsessiond shows of each VM, and what libvirt has, as JSON: look.py [--libvirt]. The two must be the same, but
for what libvirt knows nothing of."""

import json
import sys

import dbus
import libvirt

SERVICE = "org.virtsession.Supervisor1"
STATES = {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_BLOCKED: "running",
          libvirt.VIR_DOMAIN_PAUSED: "paused", libvirt.VIR_DOMAIN_SHUTDOWN: "shutting-down",
          libvirt.VIR_DOMAIN_SHUTOFF: "shut-off", libvirt.VIR_DOMAIN_CRASHED: "crashed",
          libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended"}


def plain(value):
    """A value of D-Bus as JSON has it."""
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return float(value) if isinstance(value, float) else str(value)


def shown():
    root = dbus.SessionBus().get_object(SERVICE, "/org/virtsession/Supervisor1")
    found = {"manager": plain(dbus.Interface(root, dbus.PROPERTIES_IFACE).GetAll(SERVICE + ".Manager")), "vms": {}}
    objects = dbus.Interface(root, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
    for interfaces in objects.values():
        if SERVICE + ".VM" in interfaces:
            vm = plain(interfaces[SERVICE + ".VM"])
            found["vms"][vm["Name"]] = vm
    return found


def domains():
    found = {}
    for domain in libvirt.open("qemu:///session").listAllDomains():
        persistent = bool(domain.isPersistent())
        found[domain.name()] = {"Uuid": domain.UUIDString(), "State": STATES[domain.state()[0]],
                                "Persistent": persistent, "Autostart": bool(persistent and domain.autostart()),
                                "ManagedSave": bool(persistent and domain.hasManagedSaveImage())}
    return found


everything = shown()
if "--libvirt" in sys.argv:
    everything["domains"] = domains()
print(json.dumps(everything))
