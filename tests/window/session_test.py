#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the window and the session have to do with each other: its end, notifications, the search, the language."""

import subprocess
import unittest

from desk import Desk, domain, uuid_of
from waiting import DEADLINE, wait_until
from window_case import PROGRAMS, WEB, WindowCase, main, usual

from gi.repository import Gio, GLib


class SearchTest(WindowCase):
    def test_the_search_of_the_desktop_opens_a_page(self):
        self.wait_row("web", "Running")
        search = self.desk._start([PROGRAMS["search"]])  # pylint: disable=protected-access
        wait_until(lambda: self.desk.has_owner("org.virtsession.Search"), "the search")
        self.desk.call("org.virtsession.Search", "/org/virtsession/Search", "org.gnome.Shell.SearchProvider2",
                       "ActivateResult", GLib.Variant("(sasu)", ("open " + uuid_of(WEB), ["web"], 0)))
        self.desk.wait_for("History")
        search.terminate()
        search.wait()


class SessionEndTest(unittest.TestCase):
    """With a stand-in for what says at a logout why it waits: GNOME's session manager, and since GTK 4.22 the portal,
    which that asks only in a sandbox and where it is told to."""

    SESSION = """<node><interface name='org.gnome.SessionManager'>
      <method name='RegisterClient'><arg type='s' direction='in'/><arg type='s' direction='in'/>
        <arg type='o' direction='out'/></method>
      <method name='Inhibit'><arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>
        <arg type='u' direction='in'/><arg type='u' direction='out'/></method>
      <method name='Uninhibit'><arg type='u' direction='in'/></method>
      <property name='SessionIsActive' type='b' access='read'/></interface></node>"""
    PORTAL = """<node><interface name='org.freedesktop.portal.Inhibit'>
      <method name='CreateMonitor'><arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>
        <arg type='o' direction='out'/></method>
      <method name='Inhibit'><arg type='s' direction='in'/><arg type='u' direction='in'/>
        <arg type='a{sv}' direction='in'/><arg type='o' direction='out'/></method>
      <method name='QueryEndResponse'><arg type='o' direction='in'/></method>
      <property name='version' type='u' access='read'/></interface></node>"""
    REQUEST = """<node><interface name='org.freedesktop.portal.Request'><method name='Close'/></interface></node>"""
    HANDLE = "/org/freedesktop/portal/desktop/request/1_1/window"

    def offer(self, desk):
        """Serves both. Returns what is held up now, as pairs of a reason and flags."""
        held = []

        def session(_bus, _sender, _path, _interface, name, arguments, invocation):
            if name == "Inhibit":
                held.append(arguments.unpack()[2:4])
            elif name == "Uninhibit":
                held.clear()
            answers = {"RegisterClient": GLib.Variant("(o)", ("/org/gnome/SessionManager/Client1",)),
                       "Inhibit": GLib.Variant("(u)", (17,)), "Uninhibit": None}
            invocation.return_value(answers[name])

        def portal(_bus, _sender, _path, _interface, name, arguments, invocation):
            if name == "Inhibit":
                _window, flags, options = arguments.unpack()
                held.append((options["reason"], flags))
            elif name == "Close":
                held.clear()
            handle = GLib.Variant("(o)", (self.HANDLE,))
            invocation.return_value(handle if name in ("Inhibit", "CreateMonitor") else None)

        for service, path, interface, method, value in (
                ("org.gnome.SessionManager", "/org/gnome/SessionManager", self.SESSION, session, GLib.Variant("b", True)),
                ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", self.PORTAL, portal,
                 GLib.Variant("u", 3)),
                ("org.freedesktop.portal.Desktop", self.HANDLE, self.REQUEST, portal, None)):
            desk.bus.register_object(path, Gio.DBusNodeInfo.new_for_xml(interface).interfaces[0], method,
                                     lambda *_, value=value: value, None)
            desk.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
                      GLib.Variant("(su)", (service, 0)))
        return held

    def test_a_logout_that_forces_a_machine_off_is_told(self):
        desk = Desk(PROGRAMS)
        held = self.offer(desk)
        if subprocess.run(["pkg-config", "--atleast-version=4.22", "gtk4"], check=False).returncode == 0:
            desk.environment["GDK_DEBUG"] = "portals"

        def now_held():
            GLib.MainContext.default().iteration(False)
            return held
        try:
            desk.define([domain(WEB, "web", True)])
            desk.start_daemon()
            log = open(desk.folder + "/window.log", "a", encoding="utf-8")
            desk.window = desk._start([PROGRAMS["window"]], stderr=log)  # pylint: disable=protected-access
            log.close()
            wait_until(lambda: now_held() or desk.has_owner("org.virtsession.Window"), "the window")
            desk.vm(WEB, "SetPolicy", GLib.Variant("(a{sv}a{sv})", (
                {"stop_actions": GLib.Variant("as", ["poweroff"])}, {})))
            reason, flags = wait_until(now_held, "the session is told")[0]
            self.assertIn("web would be forced off", reason)
            self.assertEqual(flags, 1)  # the logout, and nothing else
            desk.vm(WEB, "ClearPolicy")
            wait_until(lambda: not now_held(), "nothing is held up any more", DEADLINE)
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


class GermanTest(unittest.TestCase):

    def test_the_window_speaks_german(self):
        desk = Desk(PROGRAMS)
        try:
            # A locale of its own: since glibc 2.41, LANGUAGE counts for nothing in C.UTF-8.
            subprocess.run(["localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", desk.folder + "/de_DE.UTF-8"],
                           check=True)
            desk.environment.update({"LOCPATH": desk.folder, "LC_ALL": "de_DE.UTF-8",
                                     "VIRTSESSION_LOCALE_DIR": PROGRAMS["locale"]})
            desk.define(usual())
            desk.start_daemon()
            desk.start_window()
            desk.wait_for("Braucht Sie")
            desk.wait_text("Beim Abmelden")
        finally:
            desk.close()


main()
