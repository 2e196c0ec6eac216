#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the pictures of the window anew: each screen, light, dark and narrow, from the real programs with VMs of
libvirt's test driver. Whoever changes the window looks at them."""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from desk import Desk, domain, uuid_of  # noqa: E402

from gi.repository import GLib  # noqa: E402

WEB, DB, MAIL, CI, WIN, OLD = range(1, 7)
# Without a compositor GTK draws a frame for the mouse around each window, which nobody has on a desktop.
FRAME = """window.solid-csd { padding: 0; border-width: 0; box-shadow: none; }
window.solid-csd.dialog, window.solid-csd.preferences { border: 1px solid alpha(currentColor, 0.2); }
"""


def machines():
    return [domain(WEB, "web", True, "Web shop", '{"start_after": ["db"], "start_order": 20}'),
            domain(DB, "db", True, "", '{"start_order": 10, "stop_timeout_sec": 20}'),
            domain(MAIL, "mail", False, "", '{"start_oder": 30}'),
            domain(CI, "ci-runner", True, "", '{"restart": "on-failure", "stop_actions": ["save"]}'),
            domain(WIN, "windows", True, "Windows 11", '{"stop_actions": ["save", "shutdown"]}'),
            domain(OLD, "debian-test", False)]


def settle(desk):
    """Waits until the picture does not change any more: animations have ended."""
    display = desk.display()
    display.center_dialog(*(side * int(desk.environment["GDK_SCALE"]) for side in desk.size))
    display.hide_pointer()
    before = None
    for _ in range(100):
        desk.picture(desk.folder + "/settle.png")
        with open(desk.folder + "/settle.png", "rb") as file:
            now = file.read()
        if now == before:
            return
        before = now
        time.sleep(0.3)


def shoot(programs, folder, look, size, scale=1):
    desk = Desk(programs, size, scale)
    with open(desk.folder + "/config/gtk-4.0/gtk.css", "w", encoding="utf-8") as style:
        style.write(FRAME)

    def picture(name):
        settle(desk)
        desk.picture(os.path.join(folder, f"window-{name}-{look}.png"))

    try:
        desk.environment["ADW_DEBUG_COLOR_SCHEME"] = "prefer-dark" if look == "dark" else "prefer-light"
        desk.define(machines())
        desk.start_daemon()
        for number in (WEB, DB, CI, WIN):
            desk.vm(number, "SetAutostart", GLib.Variant("(ba{sv})", (True, {})))
        desk.vm(CI, "Save")
        desk.vm(CI, "Start")
        desk.vm(WIN, "Pause")
        desk.start_window()
        desk.wait_text("At logout: ")
        desk.wait_text("web, Running")
        picture("machines")
        desk.application_action("show-machine", uuid_of(CI))
        desk.wait_for("History")
        picture("machine")
        desk.application_action("show-machine", uuid_of(MAIL))
        desk.wait_text("did you mean")
        picture("problem")
        desk.window_action("vm-policy", uuid_of(WEB))
        desk.wait_text("Start Order")
        picture("policy")
        desk.application_action("show-page", "plan")
        desk.wait_for("At the Next Logout")
        picture("plan")
        desk.application_action("show-page", "doctor")
        desk.wait_for("Check Again", "push button")
        picture("doctor")
        desk.window_action("vm-forwards", uuid_of(WEB))
        desk.wait_for("Forwarded Ports")
        picture("forwards")
        desk.window_action("move-here")
        desk.wait_for("Machines of the System")
        picture("move")
        desk.click("router")
        desk.wait_for("In the Way")
        picture("move-refused")
        desk.window_action("move-here")
        desk.click("archive")
        desk.wait_for("Lost, or Changed for the Guest")
        picture("move-plan")
        desk.press("Move")
        desk.wait_text("5.0 GiB of 12.0 GiB")
        picture("move-progress")
        desk.press("Interrupt")
        desk.wait_for("The Move of “archive” Was Cut Off")
        picture("move-cut-off")
        desk.press("Continue")
        with open(desk.folder + "/go", "w", encoding="utf-8"):
            pass
        desk.wait_for("“archive” Is Here")
        picture("move-end")
        desk.application_action("show-page", "machines")
        desk.stop_daemon()
        desk.wait_for("Nobody Looks After Your Machines")
        picture("off")
        desk.define([])
        desk.start_daemon()
        desk.wait_for("No Virtual Machines Yet")
        picture("empty")
        desk.application_action("preferences")
        desk.wait_for("Notifications")
        picture("preferences")
    finally:
        desk.close()


def main():
    parser = argparse.ArgumentParser()
    for program in ("virtsessiond", "window", "schema", "icons"):
        parser.add_argument("--" + program, required=True)
    parser.add_argument("--look", choices=("light", "dark", "narrow", "large"), required=True)
    parser.add_argument("folder")
    programs = vars(parser.parse_args())
    size = (360, 720) if programs["look"] == "narrow" else (780, 700)
    shoot(programs, programs["folder"], programs["look"], size, 2 if programs["look"] == "large" else 1)


main()
