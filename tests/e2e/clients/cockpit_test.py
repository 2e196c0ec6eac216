#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cockpit's page of virtual machines, in a browser without a screen."""

import unittest

from desktop import SCRIPTS, USER, ClientTest, wait_until


class Cockpit(ClientTest):
    def browser(self, *words):
        """See inside/cockpit.py."""
        return self.host.user("python3", SCRIPTS + "/cockpit.py", USER, "secret", *words)

    def test_cockpit(self):
        """A VM is started, paused, forced off, marked, renamed and deleted in the browser."""
        self.define("a", {"start_order": 7}, self.make_disk("a.qcow2"))
        self.host.root("sh", "-c", f"echo {USER}:secret | chpasswd")
        self.host.root("systemd-run", "--quiet", "--unit=cockpit-plain", "/usr/lib/cockpit/cockpit-ws", "--no-tls",
                       "--port=9090")
        wait_until(lambda: self.host.root("ss", "-Hltn", "sport = 9090"), "cockpit-ws listens")
        self.browser("see", "Shut off", "press", "#vm-a-session-run", "see", "Running")
        self.wait_for("a", Phase="running")
        self.check_in_order()
        self.browser("see", "Running", "do", "a", "pause", "see", "Paused")
        self.wait_for("a", Phase="paused")
        self.check_in_order()
        self.browser("do", "a", "resume", "see", "Running", "do", "a", "forceOff", "see", "Shut off")
        self.wait_for("a", Phase="inactive", Intent="down")
        self.browser("press", "#vm-a-session-name", "press", ".pf-c-switch__toggle", "see", "Run when host boots")
        self.wait_for("a", Autostart=True)
        self.check_in_order()
        self.browser("do", "a", "rename", "write", "#rename-dialog-new-name", "b", "press", "#rename-dialog-confirm",
                     "not-see", "Rename VM")
        self.assertEqual(self.wait_for("b", Phase="inactive", Autostart=True)["Policy"]["start_order"], 7)
        self.wait_gone("a")
        self.browser("do", "b", "delete", "press", ".pf-c-modal-box__footer .pf-m-danger", "not-see", "User session")
        self.wait_gone("b")
        self.check_in_order()


if __name__ == "__main__":
    unittest.main()
