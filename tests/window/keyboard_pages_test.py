#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other pages without a mouse."""

import json
import os

from desk import uuid_of
from keyboard_case import KeyboardCase
from waiting import wait_until
from window_case import DB, main


class KeyboardPagesTest(KeyboardCase):
    """What a mouse does is done with keys alone."""

    def test_a_policy_is_changed(self):
        self.wait_row("db", "Off")
        self.desk.window_action("vm-policy", uuid_of(DB))
        self.desk.wait_for("Start Order", "spin button")
        wait_until(self.desk.focused, "the page has the keyboard")
        self.into("Start Order").press("Up")
        wait_until(lambda: self.policy(DB).get("start_order") == 1, "the policy has it")

    def test_a_machine_moves_is_interrupted_and_goes_on(self):
        self.wait_row("web", "Running")
        self.open_from_menu("Move a Machine Here…")
        self.desk.wait_for("Machines of the System")
        self.keys_to("archive").press("Return")
        self.desk.wait_text("“archive” comes here")
        self.keys_to("Move").press("space")
        self.desk.wait_text("5.0 GiB of 12.0 GiB")
        self.keys_to("Interrupt").press("space")
        self.desk.wait_for("The Move of “archive” Was Cut Off")
        self.keys_to("Continue").press("space")
        with open(self.desk.folder + "/go", "w", encoding="utf-8"):
            pass
        self.addCleanup(os.remove, self.desk.folder + "/go")
        self.desk.wait_for("“archive” Is Here")
        self.keys_to("Done").press("space")
        self.wait_row("web", "Running")

    def test_a_forward_is_added_and_removed(self):
        self.wait_row("db", "Off")
        self.desk.window_action("vm-forwards", uuid_of(DB))
        self.desk.wait_for("No port leads into this machine")
        wait_until(self.desk.focused, "the page has the keyboard")
        display = self.into("Port of This Computer")
        display.press("Control_L", "a")
        for key in ("2", "2", "2", "2", "Tab"):
            display.press(key)
        self.keys_to("Add").press("space")
        wait_until(lambda: list(self.policy(DB).get("ports", [])) == ["2222:22"], "the policy has it")
        self.desk.wait_for("Remove 127.0.0.1:2222 → 22")
        self.keys_to("Remove 127.0.0.1:2222").press("space")
        self.desk.wait_for("No port leads into this machine")

    def test_a_preference_is_changed(self):
        self.wait_row("web", "Running")
        path = self.desk.folder + "/config/virtsession/config.json"
        self.desk.display().press("Control_L", "comma")
        self.desk.wait_for("Notifications", "list item")
        self.keys_to("Notifications").press("space")
        wait_until(lambda: os.path.exists(path), "the configuration")
        self.addCleanup(os.remove, path)
        with open(path, encoding="utf-8") as config:
            self.assertIs(json.load(config)["notifications"], False)
        self.desk.display().press("Escape")
        wait_until(lambda: not self.desk.find("Notifications", "list item"), "the preferences are gone")


main()
