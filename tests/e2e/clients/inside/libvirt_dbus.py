#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One step of a program that manages a VM through libvirt-dbus on the session bus: libvirt_dbus.py STEP. The step
"list" says the names of all VMs, with what libvirt-dbus says of them."""

import sys

import dbus

XML = "<domain type='qemu'><name>a</name><memory unit='MiB'>16</memory><os><type>hvm</type></os></domain>"
bus = dbus.SessionBus()
connect = dbus.Interface(bus.get_object("org.libvirt", "/org/libvirt/QEMU"), "org.libvirt.Connect")


def domain_of(path):
    return bus.get_object("org.libvirt", path)


def named(name):
    return domain_of(connect.DomainLookupByName(name))


def methods(name):
    return dbus.Interface(named(name), "org.libvirt.Domain")


def properties(proxy):
    return dbus.Interface(proxy, dbus.PROPERTIES_IFACE)


def list_domains():
    for path in connect.ListDomains(0):
        all_of_it = properties(domain_of(path)).GetAll("org.libvirt.Domain")
        print(all_of_it["Name"], "marked" if all_of_it["Autostart"] else "unmarked",
              "active" if all_of_it["Active"] else "inactive")


{"define": lambda: connect.DomainDefineXML(XML),
 "create": lambda: connect.DomainCreateXML(XML.replace("<name>a<", "<name>passing<"), 0),
 "mark": lambda: properties(named("a")).Set("org.libvirt.Domain", "Autostart", True),
 "start": lambda: methods("a").Create(0),
 "suspend": lambda: methods("a").Suspend(),
 "stop": lambda: methods("a").Destroy(0),
 "stop-passing": lambda: methods("passing").Destroy(0),
 "rename": lambda: methods("a").Rename("b", 0),
 "undefine": lambda: methods("b").Undefine(0),
 "list": list_domains}[sys.argv[1]]()
