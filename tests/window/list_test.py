#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of machines as a person meets it."""

from desk import CRASHED, domain
from waiting import wait_until
from window_case import DB, MAIL, WEB, WindowCase, main


class ListTest(WindowCase):
    def test_the_list_has_what_needs_somebody_first(self):
        self.wait_row("web", "Running")
        texts = self.desk.texts()
        for section, first in (("Needs You", "mail, Off"), ("Running", "old, Running"), ("Off", "db, Off")):
            begin = texts.index(section)
            self.assertTrue(any(text.startswith(first) for text in texts[begin:begin + 12]), (section, texts))
        self.assertIn("its policy has a mistake", self.row("mail"))
        self.desk.wait_text("At logout: 2 ")

    def test_a_machine_that_crashed_needs_somebody_and_says_why(self):
        self.desk.stop_window()
        self.desk.stop_daemon()
        self.open([domain(WEB, "web", True), domain(DB, "db", True, state=CRASHED)])
        self.wait_row("db", "Crashed")
        texts = self.desk.texts()
        self.assertLess(texts.index("Needs You"), next(i for i, text in enumerate(texts) if text.startswith("db, ")))
        self.assertLess(texts.index("Needs You"), texts.index("Running"))

    def test_a_button_starts_a_machine_and_shuts_it_down(self):
        self.wait_row("db", "Off")
        self.desk.press("Start db")
        self.wait_row("db", "Running")
        self.assertEqual(self.desk.vm_property(DB, "State"), "running")
        self.desk.press("Shut Down db")
        self.wait_row("db", "Off")

    def test_the_mark_is_set_on_the_row(self):
        self.wait_row("db", "Off")
        self.desk.press("Start db at login", "toggle button")
        wait_until(lambda: self.desk.vm_property(DB, "Autostart"), "db is marked")

    def test_several_machines_are_started_at_once(self):
        self.wait_row("db", "Off")
        self.desk.press("Select Several", "toggle button")
        for name in ("db", "mail"):
            self.desk.click(self.row(name))
            wait_until(lambda name=name: self.desk.wait_for("Select " + name, "check box").has("CHECKED"), "it is ticked")
        self.desk.wait_for("2 selected")
        self.desk.press("Start")
        for number in (DB, MAIL):
            wait_until(lambda number=number: self.desk.vm_property(number, "State") == "running", "it runs")

    def test_machines_come_and_go_and_are_searched(self):
        self.wait_row("web", "Running")
        self.desk.application_action("search", "mail")
        wait_until(lambda: self.row("mail") and not self.row("web"), "only mail is shown")
        self.desk.application_action("search", "nobody")
        self.desk.wait_for("Nothing Found")
        self.desk.application_action("search", "")
        self.wait_row("web", "Running")

    def test_who_has_machines_in_the_system_only_is_shown_the_way(self):
        self.desk.stop_window()
        self.desk.stop_daemon()
        self.open([])
        self.desk.wait_for("No Virtual Machines Yet")
        self.desk.wait_text("The system has 4 machines, which can move here.")
        self.desk.press("Move Here…")
        self.desk.wait_for("Machines of the System")

    def test_virtsessiond_is_restarted_under_it(self):
        self.wait_row("web", "Running")
        self.desk.stop_daemon(9)
        self.desk.wait_for("Nobody Looks After Your Machines")
        self.desk.start_daemon()
        self.wait_row("web", "Running")
        self.desk.press("Start db")
        self.wait_row("db", "Running")

    def test_virtsessiond_is_turned_on(self):
        self.wait_row("web", "Running")
        self.desk.stop_daemon()
        self.desk.offer_daemon()
        self.addCleanup(self.desk.withdraw_daemon)
        self.desk.press("Turn On")
        self.wait_row("web", "Running")
        self.desk.adopt_daemon()

    def test_libvirt_that_does_not_answer_is_told_with_its_reason(self):
        self.wait_row("web", "Running")
        self.desk.stop_daemon()
        self.desk.start_daemon(uri=f"test://{self.desk.folder}/nowhere.xml", state=None)
        self.desk.wait_text("There is no connection to libvirt: ")
        self.desk.wait_text("nowhere.xml")
        self.desk.press("Doctor")
        self.desk.wait_for("Check Again", "push button")


main()
