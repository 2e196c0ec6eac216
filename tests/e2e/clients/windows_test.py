#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs with a window, on a screen that nobody sees."""

import unittest

from desktop import LONG, SCRIPTS, ClientTest, wait_until


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
