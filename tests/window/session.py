# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session with a screen and the window in it."""

import os
import subprocess

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from accessible import AccessibilityBus  # noqa: E402
from reader import Reader  # noqa: E402
from waiting import wait_until  # noqa: E402

APP = "org.virtsession.Window"
APP_PATH = "/org/virtsession/Window"


def start_display(environment, width, height, *options):
    """An X server without a screen. Returns its process and its name."""
    reading, writing = os.pipe()
    process = subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten",
                                "tcp", *options], pass_fds=[writing], env=environment, stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        return process, ":" + answer.readline().strip()


class Started:
    """A process that the bus has started, for what is asked of one that was started here."""

    def __init__(self, pid):
        self.pid = pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def poll(self):
        return None if os.path.exists(f"/proc/{self.pid}") else 0

    def wait(self):
        wait_until(lambda: self.poll() is not None, "the end of a process")


class Session(Reader):
    """Its bus, and what the window does on it."""

    bus = None

    def connect(self, address):
        """To the session's bus"""
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)

    def connect_reader(self):
        # Its registry is started by the first question, and may end again when it comes too early.
        self.accessibility = wait_until(lambda: AccessibilityBus(self.bus), "the registry of the accessibility bus")

    def call(self, name, path, interface, method, arguments=None, timeout=60000):
        return self.bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NO_AUTO_START,
                                  timeout, None)

    def has_owner(self, name):
        return self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner",
                         GLib.Variant("(s)", (name,)))[0]

    def owner_pid(self, name):
        return self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetConnectionUnixProcessID",
                         GLib.Variant("(s)", (name,)))[0]

    def application_action(self, name, *parameter):
        self.call(APP, APP_PATH, "org.gtk.Actions", "Activate",
                  GLib.Variant("(sava{sv})", (name, [GLib.Variant("s", one) for one in parameter], {})))

    def window_action(self, name, *parameter):
        self.call(APP, APP_PATH + "/window/1", "org.gtk.Actions", "Activate",
                  GLib.Variant("(sava{sv})", (name, [GLib.Variant("s", one) for one in parameter], {})))
