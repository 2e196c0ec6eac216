#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""daemon/core stays a house of small rooms: no long file, and no class that does everybody's work."""

import pathlib
import re
import unittest

CORE = pathlib.Path(__file__).resolve().parents[2] / "daemon/core"
LINES = 400
METHODS = 25  # names that others may call: an overload for const counts once
FACADE = "Supervisor"

CLASS = re.compile(r"^class (\w+)[^;{]*\{\n(.*?)^\};", re.MULTILINE | re.DOTALL)


def public_methods(body):
    """The names of the public member functions in the body of a class."""
    names, public, depth = set(), False, 0
    for line in body.split("\n"):
        text = line.strip()
        if text in ("public:", "protected:", "private:"):
            public = text == "public:"
        elif public and depth == 0 and line.startswith("  ") and not line.startswith("   "):
            declared = re.match(r"(?!//|using |friend |static constexpr )[^(=]*?\b(\w+)\(", text)
            if declared:
                names.add(declared[1])
        depth = max(0, depth + line.count("{") - line.count("}"))
    return names


class House(unittest.TestCase):
    def test_no_file_is_long(self):
        for file in sorted(CORE.glob("*.?pp")):
            with self.subTest(file.name):
                self.assertLessEqual(len(file.read_text().splitlines()), LINES)

    def test_no_class_does_the_work_of_others(self):
        seen = {}
        for file in sorted(CORE.glob("*.hpp")):
            for name, body in CLASS.findall(file.read_text()):
                seen[name] = public_methods(body) - {name}
        self.assertIn(FACADE, seen)
        self.assertGreater(len(seen[FACADE]), METHODS)  # the count counts
        for name, methods in seen.items():
            with self.subTest(name):
                if name != FACADE:
                    self.assertLessEqual(len(methods), METHODS, sorted(methods))


if __name__ == "__main__":
    unittest.main()
