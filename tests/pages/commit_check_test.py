#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""contrib/commit-check: which messages it takes, in all the ways in which it is called."""

import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "contrib/commit-check"
SIGNED = "\n\nSigned-off-by: A Person <a@person.example>\n"
BODY = "\n\nA stop lost its outcomes, and the journal was empty.\nTested: unit."
GOOD = "core: keep a stop's outcomes in StopRun" + BODY + SIGNED


class CommitCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.git("init", "--quiet")

    def git(self, *arguments, **options):
        identity = ["-c", "user.name=A Person", "-c", "user.email=a@person.example", "-c", "core.hooksPath=/dev/null"]
        return subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, **options)

    def write(self, name, text="text"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", name)

    def commit(self, message, name="stop.cpp"):
        self.write(name, message)
        self.git("commit", "--quiet", "--file=-", "--cleanup=verbatim", input=message.encode())

    def check(self, *arguments, program=PROGRAM):
        done = subprocess.run([program, *arguments], cwd=self.folder, capture_output=True, text=True)
        return done.returncode, done.stderr

    def hook(self, message):
        (self.folder / "MESSAGE").write_text(message, encoding="utf-8")
        return self.check("MESSAGE")

    def test_messages(self):
        self.write("stop.cpp")
        for message, said in (
            (GOOD, ""),
            (GOOD.replace("core: ", "core, tests: "), ""),
            (GOOD.replace("core: ", "contrib/move: "), ""),
            (GOOD + "# git's own words, of which some lines are very long and say which files would be committed now\n", ""),
            ("fixup! core: keep it", ""),
            ("", "the message is empty"),
            (GOOD.replace("core: ", ""), "no area"),
            (GOOD.replace("StopRun", "StopRun" + 40 * "n"), "at most 72"),
            (GOOD.replace("StopRun", "StopRun.", 1), "full stop"),
            (GOOD.replace("\n\nA stop", "\nA stop"), "is not empty"),
            (GOOD.replace(SIGNED, "\n"), "no Signed-off-by"),
            ("core: keep it" + SIGNED, "no body"),
            ("core: keep it\n\nReviewed-by: B <b@person.example>" + SIGNED.replace("\n\n", "\n"), "no body"),
        ):
            with self.subTest(message=message):
                code, words = self.hook(message)
                self.assertEqual(code, 1 if said else 0, words)
                self.assertIn(said, words)

    def test_text_alone_needs_no_body(self):
        self.write("README.md")
        self.assertEqual(self.hook("README: say where it is" + SIGNED), (0, ""))

    def test_a_range(self):
        self.commit("an old one")
        self.commit("core: no sign-off" + BODY + "\n")
        self.commit(GOOD)
        code, words = self.check("HEAD~2..HEAD")
        self.assertEqual(code, 1)
        self.assertIn("core: no sign-off: there is no Signed-off-by", words)
        self.assertNotIn("an old one", words)
        self.assertEqual(self.check("HEAD~1..HEAD"), (0, ""))

    def test_only_commits_after_the_one_that_added_it(self):
        self.commit("an old one")
        own = self.folder / "contrib/commit-check"
        own.parent.mkdir()
        own.write_bytes(PROGRAM.read_bytes())
        own.chmod(0o755)
        self.git("add", "contrib")
        self.git("commit", "--quiet", "--message=the one that adds it")
        self.assertEqual(self.check(program=own), (0, ""))
        self.commit(GOOD)
        self.assertEqual(self.check(program=own), (0, ""))
        self.commit("a new one")
        code, words = self.check(program=own)
        self.assertEqual(code, 1)
        self.assertIn("a new one: the subject has no area", words)
        self.assertNotIn("the one that adds it", words)


if __name__ == "__main__":
    unittest.main()
