#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One step of a program that manages a VM through python3-libvirt: python_libvirt.py STEP. The step "watch" says which
events of the VM it gets, until the VM is removed."""

import sys

import libvirt

POLICY = "https://virtsession.org/policy/1"
XML = """<domain type='qemu'><name>a</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>
<metadata><v:policy xmlns:v='https://virtsession.org/policy/1'>{"start_order": 7}</v:policy></metadata></domain>"""
EVENTS = ("defined", "undefined", "started", "suspended", "resumed", "stopped", "shutdown", "pmsuspended", "crashed")


def watch():
    libvirt.virEventRegisterDefaultImpl()
    connection = libvirt.open("qemu:///session")
    seen = []

    def on_event(_connection, domain, event, detail, _data):
        seen.append((event, detail))
        print(domain.name(), EVENTS[event], detail, flush=True)

    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_event, None)
    print("watches", flush=True)
    removed = (libvirt.VIR_DOMAIN_EVENT_UNDEFINED, libvirt.VIR_DOMAIN_EVENT_UNDEFINED_REMOVED)
    while removed not in seen:
        libvirt.virEventRunDefaultImpl()
    print("done", flush=True)


def step(name, connection):
    if name == "define":
        connection.defineXMLFlags(XML, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        return
    domain = connection.lookupByName("b" if name == "undefine" else "a")
    {"mark": lambda: domain.setAutostart(1),
     "start": domain.create,
     "policy": lambda: domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, '<policy>{"start_order": 8}</policy>',
                                          "v", POLICY, libvirt.VIR_DOMAIN_AFFECT_CONFIG),
     "stop": domain.destroy,
     "rename": lambda: domain.rename("b", 0),
     "undefine": domain.undefine}[name]()


def main():
    if sys.argv[1] == "watch":
        watch()
    else:
        step(sys.argv[1], libvirt.open("qemu:///session"))


main()
