#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""300 machines: all of them can be reached, also while a screen reader reads, and changes leave nothing behind."""

import unittest

from desk import Desk, domain
from waiting import SLOWER, wait_until
from window_case import PROGRAMS, main

MANY = 300
WHEEL_UP, WHEEL_DOWN = 4, 5  # as X numbers them
TIMES = 5
KIB = 2048  # what the heap grows and shrinks by


class ManyTest(unittest.TestCase):
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
        desk.change_marks(200)
        before = desk.private_kib()
        desk.change_marks(1000)
        wait_until(lambda: desk.private_kib() - before < KIB * SLOWER,
                   f"private memory is what it was before, {before} KiB")


main()
