#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each row of contrib/docs/works-with.md names a test of tests/e2e/clients, and each test there has a row."""

import ast
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class WorksWith(unittest.TestCase):
    def test_rows_are_tests(self):
        rows = re.findall(r"^\| .*\| `(\w+\.\w+)` \|$", (ROOT / "contrib/docs/works-with.md").read_text("utf-8"), re.M)
        tests = [f"{path.stem}.{node.name}" for path in (ROOT / "tests/e2e/clients").glob("*_test.py")
                 for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        self.assertTrue(tests)
        self.assertEqual(sorted(rows), sorted(tests))


if __name__ == "__main__":
    unittest.main()
