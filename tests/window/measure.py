#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long the window takes to show its list, for contrib/docs/numbers.md: from the start of the program to the picture
with the list in it, and to the last change of the picture; and what memory it has, after more and more changes.
tests/window/measure calls it."""

import argparse
import mmap
import os
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from desk import Desk, domain  # noqa: E402
from waiting import wait_until  # noqa: E402

QUIET = 1.5  # seconds without a change: it has come to rest
HEADER, FOOT = 100, 560  # where the list is in a window of 760 by 680
DARK = 60  # pixels of letters that a row has at least, of those that are looked at
AT_MOST = 20  # seconds
CHANGES = (200, 1200, 2200)


class Screen:
    def __init__(self, desk):
        with open(desk.folder + "/fb/Xvfb_screen0", "rb") as file:
            self.pixels = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        header = struct.unpack(">25I", self.pixels[:100])  # XWDFileHeader of X11/XWDFile.h: big endian
        self.begin, self.line = header[0] + header[19] * 12, header[12]

    def list(self):
        return [self.pixels[self.begin + y * self.line + 100 * 4:self.begin + y * self.line + 500 * 4]
                for y in range(HEADER, FOOT, 3)]


def has_letters(lines):
    """Some of it is dark, as neither the window nor, quite black, an empty screen under it is."""
    return sum(sum(1 for i in range(0, len(line), 4) if 1 < line[i] < 200) for line in lines[:40]) > DARK


def desk_with(programs, machines):
    desk = Desk(programs)
    desk.environment["GTK_A11Y"] = "none"  # nobody reads the screen here
    desk.define([domain(i + 1, f"vm-{i:03}", i % 2 == 0) for i in range(machines)])
    desk.start_daemon()
    return desk


def opened(programs, machines):
    """Seconds until the list is there, until nothing moves any more, and of CPU."""
    desk = desk_with(programs, machines)
    try:
        screen = Screen(desk)
        begin = time.monotonic()
        window = desk._start([programs["window"]])  # pylint: disable=protected-access
        last, shown, moved = screen.list(), None, begin
        while time.monotonic() - moved < QUIET or shown is None:
            if time.monotonic() - begin > AT_MOST:
                raise RuntimeError("the list is not shown")
            now = screen.list()
            if now != last:
                last, moved = now, time.monotonic()
                if shown is None and has_letters(now):
                    shown = moved
            time.sleep(0.003)
        with open(f"/proc/{window.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return shown - begin, moved - begin, cpu
    finally:
        desk.close()


def private_memory(programs, machines, changes):
    """The window's private memory in MiB after each number of changes."""
    desk = desk_with(programs, machines)
    try:
        desk.window = desk._start([programs["window"]])  # pylint: disable=protected-access
        wait_until(lambda: has_letters(Screen(desk).list()), "the list is shown")
        result, done = [], 0
        for number in changes:
            desk.change_marks(number - done)
            done = number
            result.append(desk.private_kib() / 1024)
        return result
    finally:
        desk.close()


def main():
    parser = argparse.ArgumentParser()
    for program in ("virtsessiond", "window", "schema", "icons"):
        parser.add_argument("--" + program, required=True)
    parser.add_argument("--times", type=int, default=7)
    programs = vars(parser.parse_args())
    print("| VMs | until the list is there | until nothing moves | CPU |")
    print("|---|---|---|---|")
    for machines in (1, 20, 300):
        runs = [opened(programs, machines) for _ in range(programs["times"])]
        shown, rest, cpu = (statistics.median(values) for values in zip(*runs))
        print(f"| {machines} | {shown:.2f} s | {rest:.2f} s | {cpu:.2f} s |", flush=True)
    print("\n| changes, with 300 VMs | private memory |\n|---|---|")
    for number, mib in zip(CHANGES, private_memory(programs, 300, CHANGES)):
        print(f"| {number} | {mib:.1f} MiB |")


main()
