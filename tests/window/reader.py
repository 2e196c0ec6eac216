# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window as a screen reader finds it, and what a person does there."""

import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

from waiting import wait_until  # noqa: E402
from x11 import Display  # noqa: E402

# What GTK says of a switch and of a button that stays down, which has changed with its versions.
SWITCHES = ("switch", "toggle button", "check box")
ROLES = {"toggle button": ("toggle button", "push button"), "push button": ("push button", "button"),
         "switch": SWITCHES}


class Reader:
    """Its owner has the window's process, environment and size."""

    window = None
    environment = {}
    size = (0, 0)
    _display = None

    def application(self):
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child and child.get_process_id() == self.window.pid:
                return child
        return None

    def frame(self):
        application = self.application()
        return application if application and application.get_child_count() > 0 else None

    def walk(self, node=None):
        """All that a screen reader finds, what is shown only."""
        node = node or self.frame()
        if node is None:
            return
        yield node
        try:
            children = [node.get_child_at_index(i) for i in range(node.get_child_count())]
            shown = [child for child in children if child and child.get_state_set().contains(Atspi.StateType.VISIBLE)]
        except GLib.Error:  # it has just gone
            shown = []
        for child in shown:
            yield from self.walk(child)

    def texts(self):
        texts = []
        for node in self.walk():
            if node.get_name():
                texts.append(node.get_name())
        return texts

    def find(self, name, role=None):
        return next(self.find_all(name, role), None)

    def find_all(self, name, role=None):
        for node in self.walk():
            # GTK 4.8 says the name of a button with a label twice.
            if node.get_name() in (name, f"{name} {name}") and (role is None or node.get_role_name() in ROLES.get(
                    role, (role,))):
                yield node

    def wait_for(self, text, role=None):
        try:
            return wait_until(lambda: self.find(text, role), repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error} in {self.texts()}") from None

    def wait_text(self, part):
        """Some text that has this part."""
        return wait_until(lambda: next((text for text in self.texts() if part in text), None), f"a text with {part!r}")

    def press(self, name, role="push button"):
        # A dialog has its buttons twice, for a wide and for a narrow window: the others have no place.
        wait_until(lambda: any((role == "menu item" or node.get_extents(Atspi.CoordType.WINDOW).width > 0) and
                               node.do_action(0) for node in self.find_all(name, role)), f"{name!r} is pressed")

    def can_be_pressed(self, node):
        return node.get_state_set().contains(Atspi.StateType.SENSITIVE)

    def activate(self, name):
        """A row that leads somewhere, by its title."""
        node = self.wait_for(name, "list item")
        if node.get_n_actions():
            node.do_action(0)
        else:  # GTK 4.8 has none there
            display = self.display()
            display.click(*wait_until(lambda: self._settled(name, "list item"), "the place of " + name))

    def tick(self, name):
        display = self.display()
        display.click(*wait_until(lambda: self._settled(name, "check box"), "the place of " + name))

    def write(self, name, text):
        """Into an entry, with the keyboard."""
        display = self.display()
        display.click(*wait_until(lambda: self._settled(name, "text"), "the place of " + name))
        display.press("Control_L", "a")
        display.press("BackSpace")
        for key in text:
            display.press(key)
        display.press("Return")

    def place_of(self, name):
        """The middle of a row, when it is where it was a moment ago."""
        return self._settled(name, None)

    def _settled(self, name, role):
        """The middle of a widget, when it is where it was a moment ago."""
        places = []
        for _ in range(2):
            node = self.find(name, role)
            if not node:
                return None
            places.append(node.get_extents(Atspi.CoordType.WINDOW))
            time.sleep(0.15)
        scale = int(self.environment.get("GDK_SCALE", 1))
        first, place = places
        if (first.x, first.y, first.width) != (place.x, place.y, place.width) or place.width <= 0:
            return None
        return (place.x + place.width // 2) * scale, (place.y + place.height // 2) * scale

    def display(self):
        """The screen, with the window in its corner."""
        if self._display is None:
            self._display = Display(self.environment["DISPLAY"])
        self._display.fill(*(side * int(self.environment.get("GDK_SCALE", 1)) for side in self.size))
        self._display.give_keyboard()
        return self._display

    def focused(self):
        """What the keyboard is on."""
        for node in self.walk():
            if node.get_state_set().contains(Atspi.StateType.FOCUSED):
                return node
        return None

    def controls(self):
        """The names of all that somebody with a mouse can press, turn or write into, by role."""
        roles = ("push button", "toggle button", "switch", "spin button", "text", "combo box", "check box")
        found = set()
        for node in self.walk():
            states = node.get_state_set()
            if node.get_role_name() in roles and all(states.contains(one) for one in (
                    Atspi.StateType.FOCUSABLE, Atspi.StateType.SENSITIVE)):
                found.add(node.get_name())
        return found

    def answer(self, name):
        """A dialog, by one of its buttons. Until it has gone nothing is asked: GTK 4.8 dies of a question about what is
        just going."""
        self.press(name)
        time.sleep(1)
