#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The screens as screen readers name them, the keys that lead there, and icons by their names."""

import glob
import os
import re
import unittest

from desk import Desk, uuid_of
from waiting import wait_until
from window_case import PROGRAMS, WEB, main, usual


class NamesTest(unittest.TestCase):
    """What a screen reader says of each screen's controls."""

    @classmethod
    def setUpClass(cls):
        cls.desk = Desk(PROGRAMS)
        cls.desk.define(usual())
        cls.desk.start_daemon()
        cls.desk.start_window()
        cls.desk.wait_text("web, Running")

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def test_keys_lead_to_each_screen_and_to_the_search(self):
        display = self.desk.display()
        display.press("Alt_L", "2")
        self.desk.wait_for("At the Next Logout")
        display.press("Alt_L", "3")
        self.desk.wait_for("Check Again", "push button")
        display.press("Alt_L", "1")
        self.desk.wait_for("Needs You")
        display.press("Control_L", "f")
        self.desk.wait_for("Search machines")
        for key in "mail":
            display.press(key)
        wait_until(lambda: not any(text.startswith("web, ") for text in self.desk.texts()), "only mail is shown")
        display.press("Escape")

    def test_what_can_be_pressed_has_a_name(self):
        for page in ("machines", "plan", "doctor"):
            self.desk.application_action("show-page", page)
            self.check_names()
        self.desk.application_action("show-machine", uuid_of(WEB))
        self.desk.wait_for("History")
        self.check_names()
        self.desk.window_action("vm-policy", uuid_of(WEB))
        self.desk.wait_for("Start Order", "spin button")
        self.check_names()
        self.desk.window_action("move-here")
        self.desk.click("archive")
        self.desk.wait_for("Move", "push button")
        self.check_names()
        self.desk.application_action("show-page", "machines")

    def check_names(self):
        for name in self.desk.controls():
            self.assertTrue(name and not name.startswith(("Gtk", "gtkmm", "Adw")), (name, self.desk.texts()))


class IconsTest(unittest.TestCase):
    """GNOME's icons come and go with its versions."""

    def test_each_icon_is_in_the_theme_or_is_ours(self):
        tree = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        icons = set()
        for path in glob.glob(tree + "/contrib/window/**/*.?pp", recursive=True):
            with open(path, encoding="utf-8") as source:
                icons.update(re.findall(r'"([A-Za-z.-]+-symbolic)"', source.read()))
        self.assertIn("open-menu-symbolic", icons)
        folders = ("/usr/share/icons/Adwaita/**/", tree + "/contrib/window/data/icons/")
        missing = [icon for icon in sorted(icons)
                   if not any(glob.glob(f"{folder}{icon}.svg", recursive=True) for folder in folders)]
        self.assertEqual(missing, [])


main()
