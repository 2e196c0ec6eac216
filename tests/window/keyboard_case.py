# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests without a mouse share."""

from waiting import wait_until
from window_case import WindowCase

MANY_KEYS = 60


class KeyboardCase(WindowCase):
    def focus(self):
        """The name and the role of what the keyboard is on"""
        focused = self.desk.focused()
        return (focused.name, focused.role) if focused else ("", "")

    def keys_to(self, name, key="Tab"):
        """Moves the keyboard on until it is on what has a name that begins so, and returns the display."""
        display = self.desk.display()
        for _ in range(MANY_KEYS):
            before = self.focus()
            if before[0].startswith(name):
                return display
            display.press(key)
            wait_until(lambda before=before: self.focus() not in (("", ""), before), f"{key} leads on from {before}")
        return self.fail(f"{key} does not lead to {name!r}")

    def into(self, name):
        """From the row of that name into what it has for its value."""
        display = self.keys_to(name)
        display.press("Tab")
        wait_until(lambda: self.focus()[1] not in ("", "list item"), "its value")
        return display

    def open_from_menu(self, name):
        """One of the window's own menu"""
        self.desk.display().press("F10")
        self.desk.wait_for(name, "menu item")
        self.keys_to(name, "Down").press("Return")
