#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that reach libvirt through a library or a service, and one that boots VMs of its own."""

import unittest

from desktop import LONG, URI, ClientTest, wait_until

# Always emulated: there is no KVM in the host.
GUESTFISH = ("env", "LIBGUESTFS_BACKEND=libvirt:qemu:///session", "LIBGUESTFS_BACKEND_SETTINGS=force_tcg", "guestfish",
             "-c", URI)


class Library(ClientTest):
    def order_of(self, name):
        return self.vm(name)["Policy"]["start_order"]

    def test_python3_libvirt(self):
        """What a program does is shown, and another one gets the events of that and no others."""
        self.beside("watch", "python3", "/opt/clients/python_libvirt.py", "watch")
        self.wait_said("watch", "watches")

        def step(name):
            return self.script("python_libvirt.py", name)
        step("define")
        self.wait_for("a", Phase="inactive")
        self.assertEqual(self.order_of("a"), 7)
        step("mark")
        self.wait_for("a", Autostart=True)
        step("policy")
        wait_until(lambda: self.order_of("a") == 8, "it has the other policy")
        step("start")
        self.wait_for("a", Phase="running")
        self.check_in_order()
        step("stop")
        self.wait_for("a", Phase="inactive", Intent="down")
        step("rename")
        self.wait_for("b", Phase="inactive", Autostart=True)
        self.assertEqual(self.order_of("b"), 8)
        step("undefine")
        self.wait_gone("b")
        self.wait_said("watch", "done")
        self.assertEqual(self.said_by("watch").split("\n"), [
            "watches", "a defined 0", "a resumed 0", "a started 0", "a shutdown 2", "a stopped 1", "a undefined 1",
            "b defined 2", "b undefined 0", "done"])
        self.check_in_order()

    def test_libvirt_dbus(self):
        """What is done through it is shown, it shows what virtsession does, and it outlives libvirt's daemon."""
        def step(name):
            return self.script("libvirt_dbus.py", name)
        step("define")
        self.wait_for("a", Phase="inactive")
        step("mark")
        self.wait_for("a", Autostart=True)
        step("start")
        self.wait_for("a", Phase="running")
        step("suspend")
        self.wait_for("a", Phase="paused")
        self.check_in_order()
        self.client("virtsessionctl", "resume", "a")
        self.assertEqual(step("list"), "a marked active")
        step("stop")
        self.wait_for("a", Phase="inactive")
        step("rename")
        self.wait_for("b", Phase="inactive", Autostart=True)
        self.client("virtsessionctl", "disable", "b")
        self.assertEqual(step("list"), "b unmarked inactive")
        step("create")
        self.wait_for("passing", Phase="running", Persistent=False)
        self.host.user("systemctl", "--user", "restart", "virtsession-libvirtd.service")
        self.wait_for("passing", Phase="running")
        wait_until(lambda: "passing unmarked active" in step("list"), "libvirt-dbus has connected again")
        step("stop-passing")
        step("undefine")
        self.wait_gone("b", "passing")
        self.check_in_order(complaints=("Libvirt lost: the libvirt daemon ended",
                                        "No connection to libvirt: the libvirt daemon ended"))

    def appliance(self):
        return next((vm for name, vm in self.look()["vms"].items() if name.startswith("guestfs-")), None)

    def test_guestfish(self):
        """Its appliance is a passing VM that virtsession leaves alone, and the VM of the disk is untouched."""
        self.define("a", {"start": "was-running", "restart": "always"}, self.make_disk("a.qcow2", "64M"))
        self.beside("guestfish", *GUESTFISH, "--rw", "-d", "a", *(
            "run : part-disk /dev/sda mbr : mkfs ext4 /dev/sda1 : mount /dev/sda1 / : write /word kept : sleep 3"
        ).split())
        appliance = wait_until(self.appliance, "its appliance is shown", LONG)
        self.assertFalse(appliance["Persistent"])
        self.wait_gone(appliance["Name"], at_most=LONG)
        self.assertEqual(self.said_by("guestfish"), "")
        self.check_in_order()
        self.assertEqual(self.client(*GUESTFISH, "--ro", "-d", "a", "-m", "/dev/sda1", "cat", "/word").strip(), "kept")
        wait_until(lambda: list(self.look()["vms"]) == ["a"], "the appliance is gone")
        self.assertEqual(self.vm("a")["Phase"], "inactive")
        self.client("virtsessionctl", "start", "a")
        self.check_in_order()


if __name__ == "__main__":
    unittest.main()
