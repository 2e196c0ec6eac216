#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""contrib/images/make-picture: what is in the picture is what the terminal showed."""

import pathlib
import subprocess
import unittest
import xml.etree.ElementTree

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "contrib/images/make-picture"
SVG = "{http://www.w3.org/2000/svg}"

# As `script` records it: carriage returns, a title, a progress line that was written over, colours of all kinds.
SAMPLE = (
    "\x1b]0;a title\x07\x1b[1mNAME   STATE\x1b[0m\r\n"
    "web    \x1b[32mrunning\x1b[39m \x1b[2m(login)\x1b[22m\r\n"
    "starting 1 of 2\rstarting 2 of 2\x1b[K\r\n"
    "\x1b[38;5;196mdb\x1b[0m\t\x1b[38;2;1;2;3m<&>\x1b[m\r\n"
    "\x1b[7m日本\x1b[27m x\r\n"
)


def picture(text, *options):
    drawn = subprocess.run([PROGRAM, *options], input=text.encode(), capture_output=True, check=True)
    return xml.etree.ElementTree.fromstring(drawn.stdout)


class Picture(unittest.TestCase):
    def setUp(self):
        self.svg = picture(SAMPLE, "--title", "VMs <of> alice")
        self.texts = [text for text in self.svg.iter(SVG + "text") if text.get("textLength")]

    def find(self, content):
        found = [text for text in self.texts if text.text == content]
        self.assertEqual(len(found), 1, content)
        return found[0]

    def test_title(self):
        self.assertEqual(self.svg.find(SVG + "title").text, "VMs <of> alice")

    def test_all_text_is_there_and_nothing_else(self):
        self.assertEqual([text.text for text in self.texts],
                         ["NAME   STATE", "web    ", "running", "(login)", "starting 2 of 2", "db", "<&>", "日本", " x"])

    def test_styles(self):
        self.assertEqual(self.find("NAME   STATE").get("font-weight"), "bold")
        self.assertEqual(self.find("running").get("fill"), "#8fd18a")
        self.assertEqual(self.find("web    ").get("fill"), "#d8dae3")
        self.assertIsNotNone(self.find("(login)").get("opacity"))
        self.assertEqual(self.find("db").get("fill"), "#ff0000")
        self.assertEqual(self.find("<&>").get("fill"), "#010203")
        self.assertEqual(self.find("日本").get("fill"), "#1d1f27")

    def test_columns(self):
        cell = 8.4
        left = float(self.find("NAME   STATE").get("x"))
        column = {text.text: round((float(text.get("x")) - left) / cell) for text in self.texts}
        self.assertEqual([column["running"], column["(login)"], column["<&>"], column[" x"]], [7, 15, 8, 4])
        self.assertAlmostEqual(float(self.find("日本").get("textLength")), 4 * cell, places=1)

    def test_everything_is_inside(self):
        for text in self.texts:
            self.assertLess(float(text.get("x")) + float(text.get("textLength")), float(self.svg.get("width")))
            self.assertLess(float(text.get("y")), float(self.svg.get("height")))


if __name__ == "__main__":
    unittest.main()
