#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan, the doctor and the preferences."""

import json
import os
import re

from reader import SWITCHES
from waiting import wait_until
from window_case import DB, WindowCase, main

from gi.repository import GLib


class ScreensTest(WindowCase):
    def test_the_plan_leads_to_the_key_that_decides(self):
        self.wait_row("web", "Running")
        self.desk.application_action("show-page", "plan")
        self.desk.wait_for("At the Next Logout")
        self.desk.vm(DB, "SetAutostart", GLib.Variant("(ba{sv})", (True, {})))
        self.desk.click(self.desk.wait_text("db, Starts"))
        self.desk.wait_for("Policy")
        self.desk.wait_for("Start Order", "spin button")

    def test_the_plan_of_a_logout_and_of_a_login(self):
        self.wait_row("web", "Running")
        self.desk.application_action("show-page", "plan")
        self.desk.wait_for("At the Next Logout")
        self.desk.wait_text("Is shut down")
        self.desk.vm(DB, "SetAutostart", GLib.Variant("(ba{sv})", (True, {})))
        self.desk.wait_text("Starts")
        self.desk.press("Start Now")
        wait_until(lambda: self.desk.vm_property(DB, "State") == "running", "db runs")

    def test_the_doctor_shows_findings(self):
        self.wait_row("web", "Running")
        self.desk.application_action("show-page", "doctor")
        self.desk.wait_for("Check Again", "push button")
        self.desk.wait_text("Well")

    def test_mistakes_of_the_configuration_are_shown_by_line(self):
        self.wait_row("web", "Running")
        path = self.desk.folder + "/config/virtsession/config.json"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as config:
            config.write('{\n  "history_size": 70,\n  "notificatons": true\n}\n')
        self.addCleanup(os.remove, path)
        with self.assertRaises(GLib.Error):
            self.desk.manager("Reload")
        self.desk.wait_text("The configuration has mistakes and is not used")
        self.desk.application_action("preferences")
        self.desk.wait_for("The Configuration Is Not Used")
        self.desk.wait_text("Line 3: /notificatons")
        self.desk.wait_text("notifications")

    def test_preferences_change_the_configuration_and_keep_comments(self):
        self.wait_row("web", "Running")
        path = self.desk.folder + "/config/virtsession/config.json"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as config:
            config.write('// mine\n{ "history_size": 70 }\n')
        self.desk.manager("Reload")
        self.desk.application_action("preferences")
        wait_until(lambda: self.switch("Notifications"), "the preferences")
        self.switch("Notifications").press()

        def written():
            with open(path, encoding="utf-8") as config:
                return config.read()
        wait_until(lambda: '"notifications": false' in written(), "it is written")
        self.assertIn("// mine", written())
        self.assertEqual(json.loads(re.sub("//.*", "", written()))["history_size"], 70)
        self.assertEqual(list(self.desk.manager_property("ConfigProblems")), [])
        os.remove(path)

    def switch(self, title):
        """The switch of the row with that title, which is a screen reader's name of the row."""
        for node in self.desk.walk():
            if node.name == title and node.role == "list item":
                return next((child for child in node.walk() if child.role in SWITCHES), None)
        return None


main()
