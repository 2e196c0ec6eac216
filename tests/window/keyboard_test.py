#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of machines without a mouse."""

from keyboard_case import KeyboardCase
from waiting import wait_until
from window_case import DB, main


class KeyboardTest(KeyboardCase):
    """What a mouse does is done with keys alone."""

    def test_a_machine_is_started_marked_and_shut_down(self):
        self.wait_row("db", "Off")
        self.keys_to("Start db at login").press("space")
        wait_until(lambda: self.desk.vm_property(DB, "Autostart"), "db is marked")
        display = self.keys_to("Start db")
        display.press("Tab")  # from the mark to the verb
        wait_until(lambda: self.focus()[0] == "Start db", "the verb has the keyboard")
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


main()
