#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs with a window, on a screen that nobody sees."""

import unittest

from desktop import LONG, SCRIPTS, URI, ClientTest, wait_until

MARK = "Start virtual machine on host boot up"


class Windows(ClientTest):
    def setUp(self):
        super().setUp()
        self.beside("screen", "Xvfb", ":7", "-screen", "0", "1280x1000x24")
        wait_until(lambda: self.host.read("/tmp/.X7-lock"), "the screen is there")

    def open(self, unit, *words):
        self.beside(unit, "env", "DISPLAY=:7", "GDK_BACKEND=x11", "GSETTINGS_BACKEND=keyfile", *words)

    def screen(self, *words):
        """See inside/screen.py."""
        return self.host.user("env", "DISPLAY=:7", "python3", SCRIPTS + "/screen.py", *words)

    def is_open(self, unit):
        return self.host.try_user("systemctl", "--user", "show", "-P", "SubState", unit)[1].strip() == "running"

    def test_virt_manager(self):
        """Its check box is the mark; it renames, starts, stops, clones and deletes a VM."""
        self.define("a", {"start_order": 7}, self.make_disk("a.qcow2"))
        for question in ("forcepoweroff", "delete-storage"):  # in a dialog, in which it answers no screen reader
            self.client("env", "GSETTINGS_BACKEND=keyfile", "gsettings", "set", "org.virt-manager.virt-manager.confirm",
                        question, "false")
        self.open("manager", "virt-manager", "--no-fork", "--connect", URI, "--show-domain-editor", "a")
        self.screen("row", "Boot Options", "press", "check box", MARK, "press", "push button", "config-apply")
        self.wait_for("a", Autostart=True)
        self.check_in_order()
        self.screen("row", "Overview", "write", "Name:", "b", "press", "push button", "config-apply", "wait", "frame",
                    "b on*")
        renamed = self.wait_for("b", Phase="inactive", Autostart=True)
        self.assertEqual(renamed["Policy"]["start_order"], 7)
        self.wait_gone("a")
        self.check_in_order()
        self.screen("press", "push button", "Run")
        self.wait_for("b", Phase="running")
        self.check_in_order()
        self.screen("press", "menu item", "Pause")
        self.wait_for("b", Phase="paused")
        self.client("virtsessionctl", "resume", "b")
        self.screen("press", "menu item", "Force Off")
        self.wait_for("b", Phase="inactive", Intent="down")
        self.screen("press", "menu item", "Clone...", "press", "push button", "Clone", "gone", "frame",
                    "Clone Virtual*")
        copy = self.wait_for("b-clone", Phase="inactive", Autostart=False)
        self.assertEqual(copy["Policy"]["start_order"], 7)
        self.check_in_order()
        self.screen("press", "menu item", "Delete", "press", "check box", "Delete associated storage files", "press",
                    "push button", "Delete")
        self.wait_gone("b")
        self.assertEqual(list(self.look()["vms"]), ["b-clone"])
        self.check_in_order()

    def test_boxes(self):
        """GNOME Boxes is opened and closed: a marked VM that it saves goes on, and another says why it does not."""
        for name in ("marked", "other"):
            self.define(name, {"start_order": 7}, guest=True)
        self.client("virtsessionctl", "enable", "marked")
        self.client("virtsessionctl", "start", "marked", "other")
        self.open("boxes", "gnome-boxes")
        self.screen("wait", "frame", "Boxes", "press", "push button", "Close")  # of its tutorial
        wait_until(lambda: "its definition was changed" in [reason for _, reason, _ in self.history("other")],
                   "Boxes has written into its definition")
        for name in ("marked", "other"):
            self.assertEqual(self.wait_for(name, Phase="running")["Policy"]["start_order"], 7)
        self.check_in_order()
        self.client("gapplication", "action", "org.gnome.Boxes", "quit")
        wait_until(lambda: not self.is_open("boxes"), "Boxes is closed", LONG)
        self.wait_for("marked", Phase="running")
        self.wait_for("other", Phase="inactive", ManagedSave=True,
                      PhaseReason="saved by GNOME Boxes, which does that when it is closed")
        self.assertIn(("queued", "saved by GNOME Boxes, and goes on when that is closed", "GNOME Boxes"),
                      self.history("marked"))
        self.check_in_order()
        self.client("virtsessionctl", "start", "other")
        self.check_in_order()


if __name__ == "__main__":
    unittest.main()
