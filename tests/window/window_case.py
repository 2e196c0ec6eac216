# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the window share: the real virtsessiond with four VMs, and the window, anew for each test."""

import argparse
import re
import shutil
import sys
import unittest

from desk import Desk, domain
from waiting import wait_until

PROGRAMS = {}
WEB, DB, MAIL, OLD = 1, 2, 3, 4


def usual():
    return [domain(WEB, "web", True, "Web server"), domain(DB, "db", False),
            domain(MAIL, "mail", False, policy='{"start_oder": 1}'), domain(OLD, "old", True)]


class WindowCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.desk = Desk(PROGRAMS)

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def setUp(self):
        self.open()

    def open(self, domains=None):
        self.desk.define(usual() if domains is None else domains)
        self.desk.start_daemon()
        self.desk.start_window()

    def tearDown(self):
        try:
            words = self.desk.stop_window()
        finally:  # the next test begins anew
            if self.desk.window.poll() is None:
                self.desk.window.send_signal(9)
            if self.desk.daemon.poll() is None:
                self.desk.stop_daemon()
            shutil.rmtree(self.desk.folder + "/state/virtsession/move", ignore_errors=True)
        # GTK's own: 4.8's of a widget that screen readers are told of before it has a path, and 4.24's of a frame
        words = re.sub(r".*GLib-CRITICAL.*(g_variant_is_object_path|g_variant_new_object_path|g_variant_new_string|"
                       r"g_variant_get_type|g_variant_ref_sink|g_variant_unref).*|"
                       r".*Gdk-WARNING.*gdk_frame_timings_submitted.*", "", words)
        self.assertNotRegex(words, r"CRITICAL|WARNING|Sanitizer|runtime error")

    def row(self, name):
        """A machine's line in the list: "web, Running"."""
        return next((text for text in self.desk.texts() if text.startswith(name + ", ")), None)

    def wait_row(self, name, part):
        return wait_until(lambda: part in (self.row(name) or ""), f"{part!r} in the line of {name}")

    def policy(self, number):
        return self.desk.vm_property(number, "PolicyOverrides")


def main():
    """Runs the tests of the program that was called."""
    parser = argparse.ArgumentParser()
    for program in ("virtsessiond", "window", "search", "schema", "icons", "locale"):
        parser.add_argument("--" + program, required=True)
    known, rest = parser.parse_known_args()
    PROGRAMS.update(vars(known))
    unittest.main(argv=[sys.argv[0], *rest])
