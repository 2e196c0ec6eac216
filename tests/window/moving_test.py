#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moving a machine, with what virtsession-move said once."""

import os

from waiting import wait_until
from window_case import WindowCase, main


class MovingTest(WindowCase):
    def show_plan_of(self, name):
        self.wait_row("web", "Running")
        self.desk.window_action("move-here")
        self.desk.click(name)

    def may_go_on(self):
        with open(self.desk.folder + "/go", "w", encoding="utf-8"):
            pass
        self.addCleanup(os.remove, self.desk.folder + "/go")

    def test_a_machine_of_the_system_moves_here(self):
        self.show_plan_of("archive")
        self.desk.wait_text("“archive” comes here, with 12.0 GiB in 2 files. It will start at login.")
        self.desk.wait_text("becomes a user network")
        self.desk.press("Move")
        self.desk.wait_text("5.0 GiB of 12.0 GiB")
        self.may_go_on()
        self.desk.wait_for("“archive” Is Here")
        self.desk.wait_text("sudo rm -r -- /var/lib/libvirt/images/archive.qcow2")

    def test_what_stands_in_the_way_of_a_move_is_said_with_its_cure(self):
        self.show_plan_of("router")
        self.desk.wait_for("In the Way")
        self.desk.wait_text("PCI devices of the host stay with the system")
        self.desk.wait_text("virsh -c qemu:///system detach-device")
        move = self.desk.wait_for("Move", "push button")
        self.assertFalse(move.has("SENSITIVE"))

    def test_a_move_that_was_cut_off_is_continued_or_taken_back(self):
        self.show_plan_of("archive")
        self.desk.press("Move")
        self.desk.wait_text("5.0 GiB of 12.0 GiB")
        self.desk.press("Interrupt")
        self.desk.wait_for("The Move of “archive” Was Cut Off")
        self.desk.stop_window()
        self.desk.start_window()
        self.desk.wait_for("The move of “archive” was cut off")
        self.desk.press("Show")
        self.desk.press("Continue")
        self.desk.wait_text("5.0 GiB of 12.0 GiB")
        self.desk.press("Interrupt")
        self.desk.press("Take Back")
        self.desk.wait_for("“archive” Is in the System")
        self.desk.press("Done")
        self.wait_row("web", "Running")
        wait_until(lambda: not self.desk.find("The move of “archive” was cut off"), "nothing is said of it any more")

    def test_closing_the_window_asks_while_a_machine_moves(self):
        self.show_plan_of("archive")
        self.desk.press("Move")
        self.desk.wait_text("5.0 GiB of 12.0 GiB")
        self.desk.application_action("quit")
        self.desk.wait_for("Interrupt the Move?")
        self.desk.press("Cancel")
        self.may_go_on()
        self.desk.wait_for("“archive” Is Here")


main()
