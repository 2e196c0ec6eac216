# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits for what a person would see."""

import os
import time

from gi.repository import GLib

SLOWER = int(os.environ.get("VIRTSESSION_SLOWER", "1"))  # what a sanitizer costs
DEADLINE = int(os.environ.get("VIRTSESSION_DEADLINE", 60 * SLOWER))  # generous: only a test that fails reaches it


def wait_until(condition, what, at_most=DEADLINE):
    """Calls condition until it returns something true, and returns that. What is asked has as much time to itself as the
    questions take it."""
    deadline = time.monotonic() + at_most
    while True:
        begin = time.monotonic()
        try:
            result = condition()
        except GLib.Error:  # what was looked at has just gone
            result = None
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(max(0.02, time.monotonic() - begin))
