#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's and virt-manager's programs for the command line."""

import unittest

from desktop import HOME, LONG, URI, ClientTest, wait_until

POLICY = {"start_order": 7, "restart": "on-failure"}
KERNEL = ("kernel=/var/lib/guests/kernel,initrd=/var/lib/guests/guest.cpio.gz,"
          "kernel_args=console=ttyS0 quiet no_timer_check ")


class CommandLine(ClientTest):
    def order_of(self, name):
        return self.vm(name)["Policy"]["start_order"]

    def active_port(self, name):
        forwards = self.vm(name)["Forwards"]
        return next((forward["host_port"] for forward in forwards if forward["state"] == "active"), None)

    def virt_install(self, name, *words):
        """A machine without anything that has to be downloaded."""
        return self.client("virt-install", "--connect", URI, "--virt-type", "qemu", "--name", name, "--memory", "96",
                           "--graphics", "none", "--osinfo", "detect=off,require=off", "--noautoconsole", *words)

    def test_virsh(self):
        """A VM is made, renamed, edited, paused, saved, restored and removed."""
        self.define("a", POLICY, guest=True)
        self.virsh("autostart", "a")
        self.virsh("domrename", "a", "b")
        self.wait_for("b", Phase="inactive", Autostart=True)
        self.assertEqual(self.order_of("b"), 7)
        self.check_in_order()
        self.client("env", "EDITOR=sed -i 's/\"start_order\": 7/\"start_order\": 8/'", "virsh", "-c", URI, "edit", "b")
        wait_until(lambda: self.order_of("b") == 8, "the edited policy is there")
        self.virsh("start", "b")
        self.wait_for("b", Phase="running")
        self.virsh("suspend", "b")
        self.wait_for("b", Phase="paused")
        self.virsh("resume", "b")
        self.wait_for("b", Phase="running")
        self.virsh("save", "b", f"{HOME}/b.save")
        self.wait_for("b", Phase="inactive", Intent="down")
        self.virsh("restore", f"{HOME}/b.save")
        self.wait_for("b", Phase="running")
        self.virsh("managedsave", "b")
        self.wait_for("b", Phase="inactive", ManagedSave=True)
        self.check_in_order()
        self.virsh("managedsave-remove", "b")
        self.virsh("undefine", "b")
        self.wait_gone("b")
        self.check_in_order()

    def test_virsh_snapshots(self):
        """A VM goes from snapshot to snapshot; restart=always restarts none that a snapshot switched off."""
        self.define("a", {"restart": "always", "restart_delay_sec": 0}, self.make_disk("a.qcow2"))
        self.virsh("snapshot-create-as", "a", "off")
        self.virsh("start", "a")
        self.wait_for("a", Phase="running")
        self.virsh("snapshot-create-as", "a", "on")
        self.wait_for("a", Phase="running")
        self.virsh("snapshot-revert", "a", "off")
        self.wait_for("a", Phase="inactive", Intent="none")
        self.check_in_order()
        self.virsh("snapshot-revert", "a", "on")
        self.wait_for("a", Phase="running", Intent="up")
        self.check_in_order()
        self.virsh("snapshot-revert", "a", "off")
        self.wait_for("a", Phase="inactive", Intent="none")
        self.assertEqual([row for row in self.history("a") if "restart" in row[1]], [])
        self.virsh("undefine", "a", "--snapshots-metadata")
        self.wait_gone("a")
        self.check_in_order()

    def test_virsh_transient(self):
        """A VM that is undefined while it runs is transient; one with --autodestroy ends with its client."""
        self.define("a", {"restart": "always", "restart_delay_sec": 0})
        self.virsh("autostart", "a")
        self.virsh("start", "a")
        self.wait_for("a", Phase="running", Autostart=True)
        self.virsh("undefine", "a")
        self.wait_for("a", Phase="running", Persistent=False, Autostart=False)
        self.check_in_order()
        self.host.user("sh", "-c", f"virsh -c {URI} dumpxml a >~/a.xml")
        self.virsh("define", f"{HOME}/a.xml")
        self.wait_for("a", Phase="running", Persistent=True)
        self.check_in_order()
        self.virsh("undefine", "a")
        self.wait_for("a", Persistent=False)
        self.virsh("destroy", "a")
        self.wait_gone("a")
        self.check_in_order()
        self.define("b", {"restart": "always", "restart_delay_sec": 0})
        self.beside("passing", "sh", "-c", f"(echo start b --autodestroy; sleep 5) | virsh -c {URI}")
        self.wait_for("b", Phase="running")
        self.wait_for("b", Phase="inactive", Intent="down")
        self.check_in_order()

    def test_virt_install(self):
        """An import, an installation from a CD, and one that ends by switching the machine off."""
        self.virt_install("imported", "--import", "--disk", "path=" + self.make_disk("imported.qcow2"), "--network",
                          "user", "--autostart")
        self.wait_for("imported", Phase="running", Autostart=True)
        self.check_in_order()
        self.host.user("truncate", "--size=1M", f"{HOME}/cd.iso")
        self.virt_install("from-cd", "--cdrom", f"{HOME}/cd.iso", "--disk", "size=0.02", "--wait", "0")
        self.wait_for("from-cd", Phase="running")
        self.check_in_order()
        said = self.virt_install("installed", "--install", KERNEL + "guest.exit=1", "--disk", "size=0.02", "--wait",
                                 "3")
        self.assertIn("Domain creation completed", said)  # it has started what was installed
        self.wait_for("installed", Phase="running")
        phases = [phase for phase, _, _ in self.history("installed")]
        self.assertEqual(phases.count("running"), 2, self.history("installed"))
        self.check_in_order()
        for name in ("imported", "from-cd", "installed"):
            self.virsh("destroy", name)
            self.wait_for(name, Phase="inactive")
            self.virsh("undefine", name, "--remove-all-storage")
        self.wait_gone("imported", "from-cd", "installed")
        self.check_in_order()

    def test_virt_install_transient(self):
        """A transient VM is shown while it runs, left alone, and then gone."""
        self.virt_install("passing", "--transient", "--import", "--disk", "none", "--boot", KERNEL + "guest.exit=8")
        self.wait_for("passing", Phase="running", Persistent=False)
        self.check_in_order()
        self.wait_gone("passing", at_most=LONG)
        self.check_in_order()

    def test_virt_xml(self):
        """A VM that is off and one that runs are changed; its policy stays."""
        self.define("a", POLICY)

        def virt_xml(*words):
            return self.client("virt-xml", "--connect", URI, "a", *words)
        self.assertIn("defined successfully", virt_xml("--edit", "--metadata", "title=First"))
        self.wait_for("a", Title="First")
        self.assertEqual(self.order_of("a"), 7)
        virt_xml("--edit", "--memory", "32")
        virt_xml("--add-device", "--disk", self.make_disk("a.qcow2") + ",target.bus=virtio")
        self.virsh("start", "a")
        self.wait_for("a", Phase="running")
        second = self.make_disk("second.qcow2")
        virt_xml("--add-device", "--disk", second + ",target.bus=virtio,target.dev=vdb", "--update")
        virt_xml("--remove-device", "--disk", "target.dev=vdb", "--update")
        self.wait_for("a", Phase="running")
        self.assertEqual(self.order_of("a"), 7)
        self.check_in_order()

    def test_virt_clone(self):
        """The copy has the policy, is not marked, and is a VM of its own."""
        self.virt_install("a", "--import", "--noreboot", "--disk", "path=" + self.make_disk("a.qcow2"), "--network",
                          "user")
        self.wait_for("a", Phase="inactive")
        self.client("virtsessionctl", "policy", "a", "start_order=7")
        self.client("virtsessionctl", "ports", "a", "+auto:22")
        self.virsh("autostart", "a")
        self.assertIn("created successfully", self.client(
            "virt-clone", "--connect", URI, "--original", "a", "--name", "copy", "--auto-clone"))
        copy = self.wait_for("copy", Phase="inactive", Autostart=False)
        self.assertEqual(copy["Policy"]["start_order"], 7)
        self.assertNotEqual(copy["Uuid"], self.vm("a")["Uuid"])
        self.client("virtsessionctl", "start", "a", "copy")
        ports = [wait_until(lambda: self.active_port(name), f"the forward of {name}") for name in ("a", "copy")]
        self.assertNotEqual(*ports)
        self.check_in_order()
        self.virsh("destroy", "copy")
        self.virsh("undefine", "copy")
        self.wait_gone("copy")
        self.wait_for("a", Phase="running", Autostart=True)
        self.check_in_order()


if __name__ == "__main__":
    unittest.main()
