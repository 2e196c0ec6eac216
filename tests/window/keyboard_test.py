#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window without a mouse, and as screen readers name it."""

import unittest

from desk import Desk, uuid_of
from waiting import wait_until
from window_case import DB, PROGRAMS, WEB, WindowCase, main, usual

MANY_KEYS = 60


class KeyboardTest(WindowCase):
    """What a mouse does is done with keys alone."""

    def focused_name(self):
        focused = self.desk.focused()
        return focused.get_name() if focused else ""

    def keys_to(self, name, key="Tab"):
        """Moves the keyboard on until it is on what has a name that begins so."""
        display = self.desk.display()
        for _ in range(MANY_KEYS):
            before = self.focused_name()
            if before.startswith(name):
                return display
            display.press(key)
            wait_until(lambda before=before: self.focused_name() not in ("", before), f"{key} leads on from {before!r}")
        return self.fail(f"{key} does not lead to {name!r}")

    def test_a_machine_is_started_marked_and_shut_down(self):
        self.wait_row("db", "Off")
        self.keys_to("Start db at login").press("space")
        wait_until(lambda: self.desk.vm_property(DB, "Autostart"), "db is marked")
        display = self.keys_to("Start db")
        display.press("Tab")  # from the mark to the verb
        wait_until(lambda: self.focused_name() == "Start db", "the verb has the keyboard")
        display.press("space")
        self.wait_row("db", "Running")

    def test_each_verb_is_in_a_menu_that_keys_open(self):
        self.wait_row("web", "Running")
        self.keys_to("More about web").press("space")
        self.desk.wait_for("Pause", "menu item")
        for verb in ("Shut Down", "Save", "Pause", "Restart", "Force Off…", "Open Console", "Policy", "Log"):
            self.assertTrue(self.desk.find(verb, "menu item"), verb)
        self.keys_to("Pause", "Down").press("Return")
        self.wait_row("web", "Paused")

    def test_enter_opens_a_machine_and_a_key_leads_back(self):
        self.wait_row("web", "Running")
        self.keys_to("Running")  # the heading of those
        display = self.keys_to("web, ", "Down")
        display.press("Return")
        self.desk.wait_for("History")
        display.press("Alt_L", "Left")
        self.wait_row("web", "Running")

    def test_a_policy_is_changed_with_keys(self):
        self.wait_row("db", "Off")
        self.desk.window_action("vm-policy", uuid_of(DB))
        self.desk.wait_for("Start Order", "spin button")
        wait_until(self.desk.focused, "the page has the keyboard")
        display = self.keys_to("Start Order")  # its row
        display.press("Tab")
        wait_until(lambda: self.desk.focused() and self.desk.focused().get_role_name() != "list item", "its number")
        display.press("Up")
        wait_until(lambda: self.policy(DB).get("start_order") == 1, "the policy has it")


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
        wait_until(lambda: self.desk.find("This Was Found") or self.desk.find("All Is Well"), "the doctor's findings")
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
        self.desk.activate("archive")
        self.desk.wait_for("Move", "push button")
        self.check_names()
        self.desk.application_action("show-page", "machines")

    def check_names(self):
        for name in self.desk.controls():
            self.assertTrue(name and not name.startswith(("Gtk", "gtkmm", "Adw")), (name, self.desk.texts()))


main()
