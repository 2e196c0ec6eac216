#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine's page, its policy, its console and its log."""

import os
import socket

from desk import uuid_of
from waiting import wait_until
from window_case import DB, MAIL, WEB, WindowCase, main


class MachineTest(WindowCase):
    def test_a_machine_page_has_its_state_and_history(self):
        self.wait_row("web", "Running")
        self.desk.application_action("show-machine", uuid_of(WEB))
        self.desk.wait_for("web", "label")
        self.desk.wait_for("History")
        self.desk.window_action("vm-pause", uuid_of(WEB))
        self.desk.wait_for("Paused", "label")
        self.desk.press("Resume")
        self.desk.wait_for("Running", "label")
        self.desk.wait_text("virtsession-win")  # who it was

    def test_force_off_asks_first(self):
        self.wait_row("web", "Running")
        self.desk.window_action("vm-poweroff", uuid_of(WEB))
        self.desk.wait_for("Force Off “web”?")
        self.assertEqual(self.desk.vm_property(WEB, "State"), "running")
        self.desk.press("Force Off")
        self.wait_row("web", "Off")

    def test_a_mistake_in_a_policy_says_what_to_do(self):
        self.wait_row("mail", "Off")
        self.desk.application_action("show-machine", uuid_of(MAIL))
        self.desk.wait_text("did you mean start_order?")
        self.desk.wait_text("virtsessionctl policy mail --clear start_oder")

    def test_a_policy_key_is_set_undone_and_refused_at_its_row(self):
        self.wait_row("db", "Off")
        self.desk.window_action("vm-policy", uuid_of(DB))
        spin = self.desk.wait_for("Start Order", "spin button")
        spin.set_value(7)
        wait_until(lambda: self.policy(DB).get("start_order") == 7, "the policy has it")
        self.desk.press("Undo")  # which is offered for five seconds
        wait_until(lambda: "start_order" not in self.policy(DB), "it is taken back")
        self.desk.wait_for("Start Order", "spin button").set_value(8)
        self.desk.wait_for("Set for this machine")
        self.desk.write("Ready When", "whenever")
        self.desk.wait_text("start_ready")
        self.assertNotIn("start_ready", self.policy(DB))

    def test_a_forward_is_added_and_removed(self):
        self.wait_row("db", "Off")
        self.desk.application_action("show-machine", uuid_of(DB))
        self.desk.click("Forwarded Ports")
        self.desk.wait_for("No port leads into this machine")
        self.desk.wait_for("Port of This Computer", "spin button").set_value(2222)
        self.desk.press("Add")
        wait_until(lambda: list(self.policy(DB).get("ports", [])) == ["2222:22"], "the policy has it")
        self.desk.press("Remove 127.0.0.1:2222 → 22")
        self.desk.wait_for("No port leads into this machine")
        self.assertEqual(list(self.policy(DB).get("ports", [])), [])

    def test_a_port_that_another_has_names_who_it_is(self):
        self.wait_row("db", "Off")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.desk.window_action("vm-forwards", uuid_of(DB))
            self.desk.wait_for("Port of This Computer", "spin button").set_value(port)
            self.desk.press("Add")
            wait_until(lambda: self.policy(DB).get("ports"), "the policy has it")
            self.desk.application_action("show-page", "doctor")
            with open("/proc/self/comm", encoding="utf-8") as name:
                self.desk.wait_text("is taken by " + name.read().strip())

    def test_the_console_is_shown_by_the_program_for_it(self):
        viewer = self.desk.folder + "/virt-viewer"
        with open(viewer, "w", encoding="utf-8") as script:
            script.write(f"#!/bin/sh\necho \"$@\" >{self.desk.folder}/viewed.new\n"
                         f"mv {self.desk.folder}/viewed.new {self.desk.folder}/viewed\n")
        os.chmod(viewer, 0o755)
        self.desk.stop_window()
        path = self.desk.environment["PATH"]
        self.desk.environment["PATH"] = self.desk.folder + ":" + path
        self.desk.start_window()
        self.desk.environment["PATH"] = path
        self.wait_row("web", "Running")
        self.desk.press("More about web", "toggle button")
        self.desk.press("Open Console", "menu item")
        wait_until(lambda: os.path.exists(self.desk.folder + "/viewed"), "the viewer")
        with open(self.desk.folder + "/viewed", encoding="utf-8") as words:
            self.assertIn("--uuid " + uuid_of(WEB), words.read())

    def test_the_log_of_a_machine_is_shown(self):
        self.wait_row("web", "Running")
        self.desk.window_action("vm-log", uuid_of(WEB))
        self.desk.wait_for("Log of web")


main()
