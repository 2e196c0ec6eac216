#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says what virtsession-move said once, where there is no libvirt of a system: the window is to show it. The real one
moves VMs in tests/e2e. A move stops in the middle until the file "go" is in RECORDED_MOVE_FOLDER; the name of a VM
decides what becomes of it."""

import json
import os
import shutil
import signal
import sys
import time

FOLDER = os.environ.get("RECORDED_MOVE_FOLDER", os.environ["HOME"])
UUID = "9f0a2c6e-7d51-4f0b-8a35-5b8c1d2e3f40"
JOURNAL = os.environ["XDG_STATE_HOME"] + "/virtsession/move/" + UUID
IMAGES = "/var/lib/libvirt/images/"
HERE = "/home/alice/.local/share/libvirt/images/"
GIB = 1 << 30
VMS = [{"Name": "archive", "Uuid": UUID, "State": "shut off", "Autostart": True},
       {"Name": "build", "Uuid": UUID[:-1] + "1", "State": "running", "Autostart": False},
       {"Name": "router", "Uuid": UUID[:-1] + "2", "State": "shut off", "Autostart": False},
       {"Name": "windows-10", "Uuid": UUID[:-1] + "3", "State": "saved", "Autostart": False}]


def say(document):
    print(json.dumps(document), flush=True)


def plan(name):
    blocked = name == "router"
    return {"name": name, "uuid": UUID, "autostart": name == "archive", "copy": "--copy" in sys.argv,
            "from": "qemu:///system", "to": "qemu:///session", "bytes": 12 * GIB, "kept":
            [{"what": "memory", "text": "its limit becomes the policy key memory_high_mib", "command": ""}],
            "files": [{"kind": "disk", "from": IMAGES + name + ".qcow2", "to": HERE + name + ".qcow2",
                       "allocated": 12 * GIB},
                      {"kind": "firmware variables", "from": f"/var/lib/libvirt/qemu/nvram/{name}_VARS.fd",
                       "to": f"/home/alice/.config/libvirt/qemu/nvram/{name}_VARS.fd", "allocated": 540672}],
            "losses": [{"what": "network card 52:54:00:01:02:03", "command": "",
                        "text": "the system's network default becomes a user network: the guest reaches out, has another "
                        "address and is not reached from outside"}],
            "obstacles": [{"what": "device 0000:03:00.0", "text": "PCI devices of the host stay with the system",
                           "command": "virsh -c qemu:///system detach-device router FILE.xml --config"}] if blocked
            else []}


def journal(name):
    os.makedirs(JOURNAL, exist_ok=True)
    with open(JOURNAL + "/journal.json", "w", encoding="utf-8") as file:
        json.dump({"plan": {"name": name, "uuid": UUID}, "request": {"from": "system"}}, file)


def interrupted(_number, _frame):
    print("\nInterrupted. Go on with --resume, or take it back with --undo, of virtsessionctl move.", file=sys.stderr)
    os._exit(130)


def move(name):
    journal(name)
    signal.signal(signal.SIGINT, interrupted)
    say({"step": "Copying " + IMAGES + name + ".qcow2"})
    say({"file": IMAGES + name + ".qcow2", "sent": 5 * GIB, "total": 12 * GIB})
    while not os.path.exists(FOLDER + "/go"):
        time.sleep(0.02)
    say({"step": "Defining it in qemu:///session"})
    say({"step": "QEMU opens it"})
    shutil.rmtree(JOURNAL)
    say({"done": "qemu:///session", "kept": "", "delete": f"sudo rm -r -- {IMAGES}{name}.qcow2"})


def main():
    name = sys.argv[-1]
    if "--list" in sys.argv:
        print(json.dumps(VMS if not os.path.exists(FOLDER + "/nothing") else [], indent=2))
    elif "--dry-run" in sys.argv:
        print(json.dumps(plan(name), indent=2))
        sys.exit(3 if plan(name)["obstacles"] else 0)
    elif "--undo" in sys.argv:
        shutil.rmtree(JOURNAL)
        say({"undone": "qemu:///system"})
    else:
        say({"plan": plan(name)})
        move(name)


main()
