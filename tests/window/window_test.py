#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window as a person meets it, against the real virtsessiond: what it shows is read as a screen reader reads it."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from desk import CRASHED, DEADLINE, SWITCHES, Desk, domain, uuid_of, wait_until  # noqa: E402


from gi.repository import Gio, GLib  # noqa: E402

PROGRAMS = {}
SLOWER = int(os.environ.get("VIRTSESSION_SLOWER", "1"))  # what a sanitizer costs
WEB, DB, MAIL, OLD = 1, 2, 3, 4


def usual():
    return [domain(WEB, "web", True, "Web server"), domain(DB, "db", False),
            domain(MAIL, "mail", False, policy='{"start_oder": 1}'), domain(OLD, "old", True)]


class WindowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.desk = Desk(PROGRAMS)

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def setUp(self):
        self.desk.environment.pop("LANGUAGE", None)
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
        # GTK 4.8's own, of a widget that screen readers are told of before it has a path
        words = re.sub(r".*GLib-CRITICAL.*(g_variant_is_object_path|g_variant_new_object_path|g_variant_new_string|"
                       r"g_variant_get_type|g_variant_ref_sink|g_variant_unref).*", "", words)
        self.assertNotRegex(words, r"CRITICAL|WARNING|Sanitizer|runtime error")

    def row(self, name):
        """A machine's line in the list: "web, Running"."""
        return next((text for text in self.desk.texts() if text.startswith(name + ", ")), None)

    def wait_row(self, name, part):
        return wait_until(lambda: part in (self.row(name) or ""), f"{part!r} in {self.row(name)!r}")

    def policy(self, number):
        return self.desk.vm_property(number, "PolicyOverrides")

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
        self.desk.answer("Force Off")
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
        spin.get_value_iface().set_current_value(7)
        wait_until(lambda: self.policy(DB).get("start_order") == 7, "the policy has it")
        self.desk.wait_for("Set for this machine")
        self.desk.press("Undo")
        wait_until(lambda: "start_order" not in self.policy(DB), "it is taken back")
        self.desk.write("Ready When", "whenever")
        self.desk.wait_text("start_ready")
        self.assertNotIn("start_ready", self.policy(DB))

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
        wait_until(lambda: self.desk.find("This Was Found"), "the doctor's findings")

    def test_several_machines_are_started_at_once(self):
        self.wait_row("db", "Off")
        self.desk.press("Select Several", "toggle button")
        for name in ("db", "mail"):
            self.desk.tick("Select " + name)
        self.desk.wait_for("2 selected")
        self.desk.press("Start")
        for number in (DB, MAIL):
            wait_until(lambda number=number: self.desk.vm_property(number, "State") == "running", "it runs")

    def test_the_plan_leads_to_the_key_that_decides(self):
        self.wait_row("web", "Running")
        self.desk.application_action("show-page", "plan")
        self.desk.wait_for("At the Next Logout")
        self.desk.vm(DB, "SetAutostart", GLib.Variant("(ba{sv})", (True, {})))
        self.desk.wait_text("Starts")
        self.desk.activate("db")
        self.desk.wait_for("Policy")
        self.desk.wait_for("Start Order", "spin button")

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
        self.desk.press("More about web")
        self.desk.press("Open Console", "menu item")
        wait_until(lambda: os.path.exists(self.desk.folder + "/viewed"), "the viewer")
        with open(self.desk.folder + "/viewed", encoding="utf-8") as words:
            self.assertIn("--uuid " + uuid_of(WEB), words.read())

    def test_the_log_of_a_machine_is_shown(self):
        self.wait_row("web", "Running")
        self.desk.window_action("vm-log", uuid_of(WEB))
        self.desk.wait_for("Log of web")

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

    def test_machines_come_and_go_and_are_searched(self):
        self.wait_row("web", "Running")
        self.desk.application_action("search", "mail")
        wait_until(lambda: self.row("mail") and not self.row("web"), "only mail is shown")
        self.desk.application_action("search", "nobody")
        self.desk.wait_for("Nothing Found")
        self.desk.application_action("search", "")
        self.wait_row("web", "Running")

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
        wait_until(lambda: self.desk.find("This Was Found") or self.desk.find("All Is Well"), "the doctor's findings")
        self.desk.wait_text("Well")

    def test_preferences_change_the_configuration_and_keep_comments(self):
        self.wait_row("web", "Running")
        path = self.desk.folder + "/config/virtsession/config.json"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as config:
            config.write('// mine\n{ "history_size": 70 }\n')
        self.desk.manager("Reload")
        self.desk.application_action("preferences")
        wait_until(lambda: self.switch("Notifications"), "the preferences")
        self.switch("Notifications").do_action(0)

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
            if node.get_name() == title and node.get_role_name() == "list item":
                return next((child for child in self.desk.walk(node) if child.get_role_name() in SWITCHES), None)
        return None

    def show_plan_of(self, name):
        self.wait_row("web", "Running")
        self.desk.window_action("move-here")
        self.desk.activate(name)

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
        self.assertFalse(self.desk.can_be_pressed(move))

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
        self.desk.answer("Cancel")
        self.may_go_on()
        self.desk.wait_for("“archive” Is Here")

    def test_who_has_machines_in_the_system_only_is_shown_the_way(self):
        self.desk.stop_window()
        self.desk.stop_daemon()
        self.open([])
        self.desk.wait_for("No Virtual Machines Yet")
        self.desk.wait_text("The system has 4 machines, which can move here.")
        self.desk.press("Move Here…")
        self.desk.wait_for("Machines of the System")

    def test_the_search_of_the_desktop_opens_a_page(self):
        self.wait_row("web", "Running")
        search = self.desk._start([PROGRAMS["search"]])  # pylint: disable=protected-access
        wait_until(lambda: self.desk.has_owner("org.virtsession.Search"), "the search")
        self.desk.call("org.virtsession.Search", "/org/virtsession/Search", "org.gnome.Shell.SearchProvider2",
                       "ActivateResult", GLib.Variant("(sasu)", ("open " + uuid_of(WEB), ["web"], 0)))
        self.desk.wait_for("History")
        search.terminate()
        search.wait()


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


class SessionEndTest(unittest.TestCase):
    """With a stand-in for GNOME's session manager, which says at a logout why it waits."""

    SESSION = """<node><interface name='org.gnome.SessionManager'>
      <method name='RegisterClient'><arg type='s' direction='in'/><arg type='s' direction='in'/>
        <arg type='o' direction='out'/></method>
      <method name='Inhibit'><arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>
        <arg type='u' direction='in'/><arg type='u' direction='out'/></method>
      <method name='Uninhibit'><arg type='u' direction='in'/></method>
      <property name='SessionIsActive' type='b' access='read'/></interface></node>"""

    def test_a_logout_that_forces_a_machine_off_is_told(self):
        desk = Desk(PROGRAMS)
        calls = []

        def method(_bus, _sender, _path, _interface, name, arguments, invocation):
            calls.append((name, arguments.unpack()))
            answers = {"RegisterClient": GLib.Variant("(o)", ("/org/gnome/SessionManager/Client1",)),
                       "Inhibit": GLib.Variant("(u)", (17,)), "Uninhibit": None}
            invocation.return_value(answers[name])

        desk.bus.register_object("/org/gnome/SessionManager", Gio.DBusNodeInfo.new_for_xml(self.SESSION).interfaces[0],
                                 method, lambda *_: GLib.Variant("b", True), None)
        desk.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
                  GLib.Variant("(su)", ("org.gnome.SessionManager", 0)))

        def told(name):
            GLib.MainContext.default().iteration(False)
            return [arguments for called, arguments in calls if called == name]
        try:
            desk.define([domain(WEB, "web", True)])
            desk.start_daemon()
            log = open(desk.folder + "/window.log", "a", encoding="utf-8")
            desk.window = desk._start([PROGRAMS["window"]], stderr=log)  # pylint: disable=protected-access
            log.close()
            wait_until(lambda: told("RegisterClient") or desk.has_owner("org.virtsession.Window"), "the window")
            desk.vm(WEB, "SetPolicy", GLib.Variant("(a{sv}a{sv})", (
                {"stop_actions": GLib.Variant("as", ["poweroff"])}, {})))
            reason = wait_until(lambda: told("Inhibit"), "the session is told")[0]
            self.assertIn("web would be forced off", reason[2])
            self.assertEqual(reason[3], 1)  # the logout, and nothing else
            desk.vm(WEB, "ClearPolicy")
            wait_until(lambda: told("Uninhibit"), "nothing is held up any more", DEADLINE)
        finally:
            desk.close()


class NotificationTest(unittest.TestCase):
    """With a stand-in for the server that shows notifications: what virtsessiond sends, and a click on it."""

    SERVER = """<node><interface name='org.freedesktop.Notifications'>
      <method name='GetCapabilities'><arg type='as' direction='out'/></method>
      <method name='Notify'><arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>
        <arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='as' direction='in'/>
        <arg type='a{sv}' direction='in'/><arg type='i' direction='in'/><arg type='u' direction='out'/></method>
      <method name='CloseNotification'><arg type='u' direction='in'/></method></interface></node>"""

    def test_a_click_opens_the_page_of_the_machine(self):
        desk = Desk(PROGRAMS)
        shown = []

        def method(_bus, _sender, _path, _interface, name, arguments, invocation):
            if name == "Notify":
                shown.append(arguments.unpack())
            answers = {"GetCapabilities": GLib.Variant("(as)", (["body", "actions"],)),
                       "Notify": GLib.Variant("(u)", (5,)), "CloseNotification": None}
            invocation.return_value(answers[name])

        def sent():
            GLib.MainContext.default().iteration(False)
            return shown
        desk.bus.register_object("/org/freedesktop/Notifications",
                                 Gio.DBusNodeInfo.new_for_xml(self.SERVER).interfaces[0], method, None, None)
        desk.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
                  GLib.Variant("(su)", ("org.freedesktop.Notifications", 0)))
        try:
            desk.define(usual())
            desk.offer_window()
            desk.start_daemon()
            notice = wait_until(sent, "a notification about mail")[0]
            self.assertIn("mail", notice[3])
            self.assertEqual(notice[6]["desktop-entry"], "org.virtsession.Window")
            self.assertEqual(notice[5][0], "default")
            GLib.MainContext.default().iteration(False)
            desk.bus.emit_signal(None, "/org/freedesktop/Notifications", "org.freedesktop.Notifications",
                                 "ActionInvoked", GLib.Variant("(us)", (5, "default")))
            wait_until(desk.adopt_window, "the bus has started the window")
            desk.wait_text("did you mean start_order?")
        finally:
            desk.close()


class ManyTest(unittest.TestCase):
    """300 machines: what it takes to show them, and that changes leave nothing behind."""

    MANY = 300

    def cpu_seconds(self, desk):
        with open(f"/proc/{desk.window.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def private_kib(self, desk):
        with open(f"/proc/{desk.window.pid}/smaps_rollup", encoding="utf-8") as maps:
            return sum(int(line.split()[1]) for line in maps if line.startswith("Private_"))

    def change(self, desk, times):
        for number in range(times):
            desk.vm(number % 7 + 1, "SetAutostart", GLib.Variant("(ba{sv})", (number // 7 % 2 == 0, {})))
        time.sleep(1)  # the plans that follow a change are read, too

    def scroll(self, desk):
        """To the end of the list and back, and again: rows are made for what is seen, once."""
        bar = next(node for node in desk.walk() if node.get_role_name() == "scroll bar")
        begin, seconds = self.cpu_seconds(desk), None
        for _ in range(3):
            for end in (bar.get_value_iface().get_maximum_value(), 0):
                bar.get_value_iface().set_current_value(end)
                desk.wait_text("vm-299, Off" if end else "vm-000, Running")
            seconds = self.cpu_seconds(desk) - begin
        print(f"three times to its end and back: {seconds:.2f} s of CPU, with what reads the screen")

    def opened(self, desk, machines):
        desk.define([domain(i + 1, f"vm-{i:03}", i % 2 == 0) for i in range(machines)])
        desk.start_daemon()
        desk.start_window()
        desk.wait_text("vm-000, Running")
        desk.wait_text("At logout: ")
        seconds = self.cpu_seconds(desk)
        return seconds

    def test_many_machines_open_at_once_and_changes_leave_nothing_behind(self):
        desk = Desk(PROGRAMS)
        try:
            few = self.opened(desk, 1)
            desk.stop_window()
            desk.stop_daemon()
            many = self.opened(desk, self.MANY)
            print(f"{self.MANY} machines are in the list {many - few:.2f} s of CPU after one would be ({few:.2f} s)")
            self.assertLess(many - few, 0.5 * SLOWER)
            self.scroll(desk)
            self.change(desk, 200)
            before = self.private_kib(desk)
            self.change(desk, 1000)
            grown = self.private_kib(desk) - before
            print(f"private memory: {before} KiB, and after 1000 changes {grown:+} KiB")
            self.assertLess(grown, 2048 * SLOWER)
        finally:
            desk.close()


class GermanTest(unittest.TestCase):
    def test_the_window_speaks_german(self):
        desk = Desk(PROGRAMS)
        try:
            desk.environment.update({"LANGUAGE": "de", "VIRTSESSION_LOCALE_DIR": PROGRAMS["locale"]})
            desk.define(usual())
            desk.start_daemon()
            desk.start_window()
            desk.wait_for("Braucht Sie")
            desk.wait_text("Beim Abmelden")
        finally:
            desk.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for program in ("virtsessiond", "window", "search", "schema", "icons", "locale"):
        parser.add_argument("--" + program, required=True)
    known, rest = parser.parse_known_args()
    PROGRAMS.update(vars(known))
    if any(not word.startswith("-") for word in rest):
        unittest.main(argv=[sys.argv[0], *rest])
    # Each class has a process: see desk.py.
    CLASSES = [name for name, one in list(globals().items()) if isinstance(one, type) and issubclass(one, unittest.TestCase)]
    sys.exit(max([subprocess.run([*sys.argv, name], check=False).returncode for name in CLASSES]))
