#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the README shows, done in the window on a real host by somebody who has no terminal: in the session of a user
who has the VMs web and db, both off, and has not turned virtsessiond on. host_newcomer.py calls it, and the test of the
packages."""

import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import APP, APP_PATH, Session, Started, start_display  # noqa: E402
from waiting import wait_until  # noqa: E402

from gi.repository import GLib  # noqa: E402

LOOK = {"GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GTK_A11Y": "atspi", "LC_ALL": "C.UTF-8"}


class HostSession(Session):
    size = (1024, 900)

    def __init__(self):
        self.screen, display = start_display(dict(os.environ), *self.size)
        self.environment = {**os.environ, **LOOK, "DISPLAY": display}
        self.connect(os.environ["DBUS_SESSION_BUS_ADDRESS"])
        # As a desktop does it when it starts.
        subprocess.run(["dbus-update-activation-environment", "--systemd", "DISPLAY", *LOOK], env=self.environment,
                       check=True)
        self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "StartServiceByName",
                  GLib.Variant("(su)", ("org.a11y.Bus", 0)))
        self.connect_reader()

    def open_window(self):
        """As a launcher does it: the bus starts the program."""
        self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "StartServiceByName",
                  GLib.Variant("(su)", (APP, 0)))
        self.window = Started(self.owner_pid(APP))
        self.call(APP, APP_PATH, "org.freedesktop.Application", "Activate", GLib.Variant("(a{sv})", ({},)))
        wait_until(self.frame, "the window")

    def row(self, name):
        return next((text for text in self.texts() if text.startswith(name + ", ")), "")

    def wait_row(self, name, part):
        return wait_until(lambda: part in self.row(name), f"{part!r} in the line of {name}, which says {self.row(name)!r}")

    def choose(self, name, item):
        """From the menu of a row"""
        self.press("More about " + name, "toggle button")
        self.press(item, "menu item")

    def to_list(self):
        self.window_action("page", "machines")
        wait_until(lambda: self.row("web"), "the list")


def use(desk):
    desk.open_window()
    desk.press("Turn On")
    desk.wait_row("web", "Off")

    # It starts your VMs at login, in order
    for name in ("db", "web"):
        desk.press(f"Start {name} at login", "toggle button")
    desk.choose("web", "Policy")
    desk.write("Start After", "db")
    desk.wait_for("Set for this machine")
    desk.to_list()

    # Start, save
    desk.press("Start db")
    desk.wait_row("db", "Running")
    desk.choose("db", "Save")
    desk.wait_row("db", "Saved")

    # It lets you in, and says who is in the way
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desk.press("Start web")
        desk.wait_row("web", "Running")
        desk.click(desk.row("web"))
        desk.click("Forwarded Ports")
        desk.wait_for("Port of This Computer", "spin button").set_value(taken.getsockname()[1])
        desk.press("Add")
        desk.wait_text(f"(pid {os.getpid()})")
    desk.wait_for("Port of This Computer", "spin button").set_value(0)
    desk.press("Add")
    desk.wait_for("Active")
    desk.to_list()

    # It stops them properly
    desk.press("Plan", "page tab")
    desk.wait_text("web, Is shut down")
    desk.press("Machines", "page tab")
    desk.press("Shut Down web")
    desk.wait_row("web", "Off")

    # When something is wrong
    desk.press("Doctor", "page tab")
    desk.wait_for("Check Again", "push button")
    desk.application_action("quit")
    wait_until(lambda: not desk.has_owner(APP), "the end of the window")


def main():
    desk = HostSession()
    try:
        use(desk)
    except AssertionError:
        print(desk.texts(), file=sys.stderr)
        raise
    finally:
        if desk.window and desk.window.poll() is None:
            desk.window.send_signal(signal.SIGTERM)
        desk.screen.terminate()


main()
