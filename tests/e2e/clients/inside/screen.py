#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives programs with a window, as a screen reader does: screen.py COMMAND..., one after the other.

  wait ROLE NAME    until it is shown; NAME may have wildcards
  gone ROLE NAME    until it is not
  press ROLE NAME   a button, a menu's item, a check box: when it can be pressed
  row NAME          selects the row of a list
  write LABEL TEXT  into the entry that the label is for
  texts             says everything that is shown"""

import fnmatch
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

DEADLINE = 60  # seconds; generous: reached only when a test fails
SELECTABLE = ("table cell", "list item", "icon")


def walk(node):
    if node is None:
        return
    yield node
    for i in range(min(node.get_child_count(), 100)):
        yield from walk(node.get_child_at_index(i))


def nodes():
    desktop = Atspi.get_desktop(0)
    for i in range(desktop.get_child_count()):
        yield from walk(desktop.get_child_at_index(i))


def has(node, *states):
    held = node.get_state_set()
    return all(held.contains(state) for state in states)


def is_there(node, role):
    # The items of a menu that is closed can be chosen, and are not shown.
    return "menu item" in role or has(node, Atspi.StateType.SHOWING)


def find(role, name):
    return next((node for node in nodes() if node.get_role_name() == role and fnmatch.fnmatchcase(node.get_name(), name)
                 and is_there(node, role)), None)


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            result = condition()
        except GLib.Error:  # what was looked at has just gone
            result = None
        if result:
            return result
        if time.monotonic() > deadline:
            texts()
            sys.exit(f"waited in vain for: {what}")
        time.sleep(0.1)


def wait(role, name):
    return wait_until(lambda: find(role, name), f"{role} {name!r}")


def gone(role, name):
    wait_until(lambda: not find(role, name), f"the end of {role} {name!r}")


def press(role, name):
    def pressed():
        node = find(role, name)
        return node and has(node, Atspi.StateType.SENSITIVE) and node.do_action(0)
    wait_until(pressed, f"{role} {name!r} is pressed")


def row(name):
    def selected():
        node = next((node for node in nodes() if node.get_role_name() in SELECTABLE and
                     fnmatch.fnmatchcase(node.get_name(), name) and has(node, Atspi.StateType.SHOWING)), None)
        return node and node.grab_focus()
    wait_until(selected, f"the row {name!r} is selected")


def labelled(label):
    for node in nodes():
        if node.get_role_name() == "text" and has(node, Atspi.StateType.SHOWING, Atspi.StateType.EDITABLE):
            for relation in node.get_relation_set():
                if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY and any(
                        relation.get_target(i).get_name() == label for i in range(relation.get_n_targets())):
                    return node
    return None


def write(label, text):
    wait_until(lambda: (node := labelled(label)) and node.set_text_contents(text), f"{text!r} is written at {label!r}")


def texts():
    for node in nodes():
        if node.get_name() and has(node, Atspi.StateType.SHOWING):
            print(node.get_role_name(), repr(node.get_name()), flush=True)


COMMANDS = {"wait": (wait, 2), "gone": (gone, 2), "press": (press, 2), "row": (row, 1), "write": (write, 2),
            "texts": (texts, 0)}
words = sys.argv[1:]
while words:
    command, count = COMMANDS[words[0]]
    command(*words[1:1 + count])
    words = words[1 + count:]
