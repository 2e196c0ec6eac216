#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the README shows in a terminal, done in the window by somebody who has a VM in the system and no terminal. Runs
in a session of a throwaway host (tests/e2e/window_test.cpp): newcomer.py WINDOW ICONS"""

import glob
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from desk import wait_until  # noqa: E402
from session_desk import SessionDesk  # noqa: E402

VM = "win"


def qemu_pid():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"qemu-system" in words[0] and any(word.startswith(b"guest=" + VM.encode()) for word in words):
            return int(path.split("/")[2])
    return None


def row(desk):
    return next((text for text in desk.texts() if text.startswith(VM + ", ")), "")


def done(what):
    print("done: " + what, flush=True)


def move_here(desk):
    desk.wait_for("No Virtual Machines Yet")
    desk.wait_text("The system has 1 machine, which can move here.")
    desk.press("Move Here…")
    desk.activate(VM)
    desk.wait_text(f"“{VM}” comes here, with ")
    desk.wait_text("/var/lib/libvirt/images/win.qcow2")
    done("looked at what would move")
    desk.press("Move")
    desk.wait_for(f"“{VM}” Is Here")
    desk.wait_text("sudo rm -r -- ")
    desk.press("Show It")
    desk.wait_for("History")
    done("moved here")


def mark_and_start(desk):
    desk.window_action("back")
    wait_until(lambda: row(desk), "the machine is in the list")
    desk.press(f"Start {VM} at login", "toggle button")  # it came marked: this takes the mark away
    desk.application_action("show-page", "plan")
    desk.wait_text("Does Not Start")
    desk.application_action("show-page", "machines")
    desk.press(f"Start {VM} at login", "toggle button")
    desk.application_action("show-page", "plan")
    desk.wait_text("Starts")
    done("marked for the login")
    desk.application_action("show-page", "machines")
    desk.press(f"Start {VM}")
    wait_until(lambda: "Running" in row(desk), "it runs")
    desk.wait_text("At logout: 1 ")
    done("started, and read what a logout would do")


def crash(desk):
    os.kill(wait_until(qemu_pid, "QEMU"), signal.SIGSEGV)
    wait_until(lambda: "Running" not in row(desk) and desk.find("Needs You"), "it needs somebody")
    text = row(desk)
    print(text, flush=True)
    assert "rash" in text or "kill" in text or "end" in text, text
    desk.press(f"Start {VM}")
    wait_until(lambda: "Running" in row(desk), "it runs again")
    done("read why it crashed, and started it again")


def stop(desk):
    desk.press("More about " + VM, "push button")
    desk.press("Force Off…", "menu item")
    desk.press("Force Off")
    wait_until(lambda: f"{VM}, Off" in row(desk), "it is off")
    done("forced off")


def look_around(desk):
    desk.application_action("show-page", "doctor")
    wait_until(lambda: desk.find("This Was Found") or desk.find("All Is Well"), "the doctor's findings")
    done("asked the doctor")
    desk.application_action("show-page", "machines")
    desk.press("More about " + VM, "push button")
    desk.press("Policy", "menu item")
    desk.wait_for("Start Order", "spin button").get_value_iface().set_current_value(7)
    desk.wait_for("Set for this machine")
    done("changed the policy")


def main():
    desk = SessionDesk(*sys.argv[1:3])
    try:
        desk.start_window()
        move_here(desk)
        mark_and_start(desk)
        crash(desk)
        stop(desk)
        look_around(desk)
        print("all done", flush=True)
    except Exception:
        print("\n".join(desk.texts()), file=sys.stderr)
        with open(desk.folder + "/window.log", encoding="utf-8") as log:
            print(log.read(), file=sys.stderr)
        raise
    finally:
        desk.close()


main()
