#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the README shows in a terminal, done in the window by somebody who has no terminal."""

from desk import uuid_of
from waiting import wait_until
from window_case import DB, WEB, WindowCase, main

WHEEL_DOWN = 5  # as X numbers it


class NewcomerTest(WindowCase):
    def test_all_that_the_readme_shows(self):
        desk = self.desk
        self.wait_row("web", "Running")

        # It starts your VMs at login: enable web
        desk.press("Start web at login", "toggle button")
        wait_until(lambda: desk.vm_property(WEB, "Autostart"), "web is marked")

        # It starts them in order: policy db start_ready=agent, policy web start_after=db
        self.open_policy("db")
        desk.write("Ready When", "agent")
        wait_until(lambda: self.policy(DB).get("start_ready") == "agent", "db is ready with its agent")
        self.leave_policy()
        self.open_policy("web")
        desk.write("Start After", "db")
        wait_until(lambda: list(self.policy(WEB).get("start_after", [])) == ["db"], "web starts after db")

        # It restarts a VM that crashed: policy web restart=on-failure
        self.choose_next("Restart")
        wait_until(lambda: self.policy(WEB).get("restart") == "on-failure", "web is restarted")
        self.leave_policy()

        # It stops them properly: plan stop
        desk.press("Plan", "page tab")
        desk.wait_text("web, Is shut down: ")

        # It tells you why: virtsessionctl, history web
        desk.press("Machines", "page tab")
        desk.press("Shut Down web")
        self.wait_row("web", "Off")
        desk.application_action("show-machine", uuid_of(WEB))
        desk.wait_for("History")
        desk.wait_text("virtsession-win")  # who asked for it

        # It lets you in: ports web +auto:22
        desk.click("Forwarded Ports")
        desk.press("Add")
        wait_until(lambda: list(self.policy(WEB).get("ports", [])) == ["auto:22"], "a port leads to ssh")
        desk.window_action("back")

        # When something is wrong: doctor, logs web
        desk.window_action("vm-log", uuid_of(WEB))
        desk.wait_for("Log of web")
        desk.application_action("show-page", "doctor")
        desk.wait_for("Check Again", "push button")

    def open_policy(self, name):
        self.desk.press("More about " + name, "toggle button")
        self.desk.press("Policy", "menu item")
        self.desk.wait_for("Start Order", "spin button")

    def choose_next(self, title):
        """In a row with a choice: a click opens it, Down is the next one."""
        display = self.desk.display()
        wait_until(lambda: self.scrolled_to(display, title), title + " is in view")
        display.click(*wait_until(lambda: self.desk.place_of(title), "the place of " + title))
        self.desk.wait_for("After a Crash")
        display.press("Down")
        display.press("Return")

    def scrolled_to(self, display, title):
        display.click(512, 500, WHEEL_DOWN, times=4)
        place = self.desk.place_of(title)
        return place and place[1] < 800

    def leave_policy(self):
        self.desk.window_action("page", "machines")
        self.wait_row("web", "Running")


main()
