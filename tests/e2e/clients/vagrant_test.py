#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vagrant-libvirt with qemu_use_session, and a box that is made here."""

import unittest

from desktop import HOME, SCRIPTS, USER, ClientTest

# The bridge that the system's libvirt would make, in the network of our guests.
BRIDGE = """ip link add virbr0 type bridge; ip addr add 10.0.2.2/24 dev virbr0; ip link set virbr0 up
mkdir -p /etc/qemu; echo 'allow virbr0' >/etc/qemu/bridge.conf; chmod u+s /usr/lib/qemu/qemu-bridge-helper"""
# A guest with an sshd, the guest agent, and the command that vagrant ends it by.
MACHINE = f"""mkdir -p machine box initrd/bin
cat >initrd/bin/shutdown <<'SH'
#!/bin/sh
(sleep 1; poweroff -f) >/dev/null 2>&1 &
SH
chmod 755 initrd/bin/shutdown
(cd initrd && find . | cpio --quiet -o -H newc) | gzip | cat /var/lib/guests/guest-agent.cpio.gz \
    /var/lib/guests/guest-ssh.cpio.gz - >machine/initrd
cp {SCRIPTS}/Vagrantfile machine/
cd box
qemu-img create -q -f qcow2 box.img 16M
echo '{{"provider": "libvirt", "format": "qcow2", "virtual_size": 1}}' >metadata.json
tar -czf ../test.box metadata.json box.img
vagrant box add --name test ../test.box"""


class Vagrant(ClientTest):
    def vagrant(self, *words):
        return self.client("env", "-C", f"{HOME}/machine", "vagrant", *words)

    def test_vagrant(self):
        """A machine goes up and down, marked as its Vagrantfile says; its policy stays when it is defined again."""
        self.host.root("sh", "-ec", BRIDGE)
        self.host.user("sh", "-ec", MACHINE)
        self.host.root("install", "-m", "600", "-o", USER, "/var/lib/guests/ssh-key", f"{HOME}/machine/ssh-key")
        self.vagrant("up", "--provider=libvirt")
        self.wait_for("machine_default", Phase="running", Autostart=True)
        self.assertIn("Linux", self.vagrant("ssh", "-c", "uname"))
        self.check_in_order()
        self.client("virtsessionctl", "policy", "machine_default", "restart=always", "restart_delay_sec=0")
        self.vagrant("suspend")
        self.wait_for("machine_default", Phase="paused")
        self.check_in_order()
        self.vagrant("resume")
        self.wait_for("machine_default", Phase="running")
        self.vagrant("halt", "--force")
        self.wait_for("machine_default", Phase="inactive", Intent="down")
        self.client("virtsessionctl", "policy", "machine_default", "restart=on-failure")
        self.vagrant("up")
        up = self.wait_for("machine_default", Phase="running", Autostart=True)
        self.assertEqual(up["Policy"]["restart"], "on-failure")
        self.vagrant("halt")
        self.wait_for("machine_default", Phase="inactive")
        self.check_in_order()
        self.client("virtsessionctl", "start", "machine_default")
        self.vagrant("up")  # it runs already
        self.vagrant("destroy", "--force")
        self.wait_gone("machine_default")
        self.check_in_order()


if __name__ == "__main__":
    unittest.main()
