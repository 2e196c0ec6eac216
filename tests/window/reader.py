# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window as a screen reader finds it, and what a person does there."""

import time

from waiting import wait_until  # noqa: E402
from x11 import Display  # noqa: E402

# What GTK says of a switch and of a button that stays down, which has changed with its versions.
SWITCHES = ("switch", "toggle button", "check box")
ROLES = {"toggle button": ("toggle button", "push button"), "push button": ("push button", "button"),
         "switch": SWITCHES}


class Reader:
    """Its owner has the window's process, environment and size, and the bus for screen readers."""

    window = None
    environment = {}
    size = (0, 0)
    accessibility = None
    _display = None

    def frame(self):
        """What the window's process shows, or nothing yet"""
        application = self.accessibility.application(self.window.pid)
        return application if application and application.children else None

    def walk(self):
        """All that a screen reader finds, what is shown only."""
        frame = self.frame()
        return frame.walk() if frame else iter(())

    def texts(self):
        return [node.name for node in self.walk() if node.name]

    def find(self, name, role=None):
        return next(self.find_all(name, role), None)

    def find_all(self, name, role=None):
        for node in self.walk():
            # GTK 4.8 says the name of a button with a label twice.
            if node.name in (name, f"{name} {name}") and (role is None or node.role in ROLES.get(role, (role,))):
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
        wait_until(lambda: any((role == "menu item" or node.place()[2] > 0) and node.press()
                               for node in self.find_all(name, role)), f"{name!r} is pressed")

    def click(self, name):
        """On the middle of a row: GTK 4.18 forgets the paddings around a widget when it says where that is."""
        display = self.display()
        display.click(*wait_until(lambda: self._settled(name, "list item"), "the place of " + name))

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
            places.append(node.place())
            time.sleep(0.15)
        scale = int(self.environment.get("GDK_SCALE", 1))
        first, (x, y, width, height) = places
        if first != (x, y, width, height) or width <= 0:
            return None
        return (x + width // 2) * scale, (y + height // 2) * scale

    def display(self):
        """The screen, with the window in its corner."""
        if self._display is None:
            self._display = Display(self.environment["DISPLAY"])
        self._display.fill(*(side * int(self.environment.get("GDK_SCALE", 1)) for side in self.size))
        self._display.give_keyboard()
        return self._display

    def focused(self):
        """What the keyboard is on."""
        return next((node for node in self.walk() if node.has("FOCUSED")), None)

    def controls(self):
        """The names of all that somebody with a mouse can press, turn or write into, by role."""
        roles = ("push button", "toggle button", "switch", "spin button", "text", "combo box", "check box")
        return {node.name for node in self.walk() if node.role in roles and node.has("FOCUSABLE", "SENSITIVE")}
