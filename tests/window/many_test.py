#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""300 machines: all of them can be reached, also while a screen reader reads, and changes leave nothing behind."""

import time
import unittest

from desk import Desk, domain
from waiting import wait_until
from window_case import PROGRAMS, SLOWER, main

from gi.repository import GLib

MANY = 300
WHEEL_UP, WHEEL_DOWN = 4, 5  # as X numbers them
TIMES = 5
KIB = 2048  # what the heap grows and shrinks by


class ManyTest(unittest.TestCase):
    def private_kib(self, desk):
        with open(f"/proc/{desk.window.pid}/smaps_rollup", encoding="utf-8") as maps:
            return sum(int(line.split()[1]) for line in maps if line.startswith("Private_"))

    def change(self, desk, times):
        for number in range(times):
            desk.vm(number % 7 + 1, "SetAutostart", GLib.Variant("(ba{sv})", (number // 7 % 2 == 0, {})))
        time.sleep(1)  # the plans that follow a change are read, too

    def open(self):
        desk = Desk(PROGRAMS)
        self.addCleanup(desk.close)
        desk.define([domain(i + 1, f"vm-{i:03}", i % 2 == 0) for i in range(MANY)])
        desk.start_daemon()
        desk.start_window()
        desk.wait_text("vm-000, Running")
        desk.wait_text("At logout: 150 ")
        return desk

    def scroll_down(self, desk):
        desk.display().click(300, 300, WHEEL_DOWN, times=MANY)
        desk.wait_text("vm-299, Off")

    def scroll_up(self, desk):
        desk.display().click(300, 300, WHEEL_UP, times=MANY)
        desk.wait_text("vm-000, Running")

    def test_the_list_is_scrolled_down_and_up_while_a_screen_reader_reads_it(self):
        desk = self.open()
        for _ in range(TIMES):
            self.scroll_down(desk)
            self.scroll_up(desk)
        desk.stop_window()

    def test_changes_of_many_machines_leave_nothing_behind(self):
        desk = self.open()
        self.scroll_down(desk)
        self.change(desk, 200)
        before = self.private_kib(desk)
        self.change(desk, 1000)
        wait_until(lambda: self.private_kib(desk) - before < KIB * SLOWER,
                   f"private memory is what it was before, {before} KiB")


main()
