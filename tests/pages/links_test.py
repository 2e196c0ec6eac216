#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The links of the pages that a person reads in the source tree lead somewhere, and so do the names of manual pages."""

import functools
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Manual pages of others that our pages name. One that is not here may be a mistyped one of ours.
OTHERS = {"environment.d(5)", "gdbus(1)", "journalctl(1)", "loginctl(1)", "passt(1)", "pkttyagent(1)", "scdoc(5)", "ssh(1)",
          "ssh_config(5)", "sysexits.h(3head)", "systemctl(1)", "systemd(1)", "systemd-escape(1)", "systemd-socket-proxyd(8)",
          "systemd.resource-control(5)", "systemd.time(7)", "systemd.unit(5)", "user@.service(5)", "virsh(1)"}


def markdown():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            capture_output=True, text=True, check=True)
    return [path for path in (ROOT / name for name in listed.stdout.split("\n") if name) if path.is_file()]


@functools.cache
def prose(path):
    """What is not code: without blocks between fences, and indented ones."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    return re.sub(r"^    .*$", "", text, flags=re.M)


@functools.cache
def anchors(path):
    """As GitLab and GitHub make them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), re.M):
        found.add(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-"))
    return found


def own_pages():
    """name(section) of each manual page that has a source."""
    found = set()
    for source in (ROOT / "contrib").glob("*/*.scd"):
        match = re.match(r"(.+)\.(\d)(\.in|\.intro)?\.scd$", source.name)
        if match:
            found.add(f"{match[1]}({match[2]})")
    return found


class Links(unittest.TestCase):
    def test_there_are_pages(self):
        names = {str(path.relative_to(ROOT)) for path in markdown()}
        self.assertLessEqual({"README.md", "CONTRIBUTING.md", "SECURITY.md", "contrib/docs/README.md"}, names)

    def test_they_lead_somewhere(self):
        count = 0
        for page in markdown():
            for target in re.findall(r"\]\(([^()\s]+)\)", prose(page)):
                with self.subTest(page=page.name, target=target):
                    self.assertFalse(target.startswith("/"), "a link within the tree is relative")
                    if re.match(r"[a-z]+:", target):
                        continue
                    file, _, anchor = target.partition("#")
                    path = (page.parent / file).resolve() if file else page
                    self.assertTrue(path.exists(), "there is no such file")
                    if anchor:
                        self.assertIn(anchor, anchors(path))
                    count += 1
        self.assertGreater(count, 30)

    def test_files_that_are_named_exist(self):
        count = 0
        for page in markdown():
            for path in re.findall(r"`((?:\.gitlab|config|contrib|daemon|tests|units)/[\w./*-]+)`", prose(page)):
                with self.subTest(page=page.name, path=path):
                    self.assertTrue(list(ROOT.glob(path)), "there is no such file")
                    count += 1
        self.assertGreater(count, 20)

    def test_every_page_of_the_documentation_is_in_its_contents(self):
        contents = (ROOT / "contrib/docs/README.md").read_text(encoding="utf-8")
        for page in (ROOT / "contrib/docs").glob("*.md"):
            if page.name != "README.md":
                self.assertIn(f"({page.name})", contents)

    def test_manual_pages_exist(self):
        known = own_pages() | OTHERS
        self.assertIn("virtsessionctl(1)", known)
        sources = markdown() + [*(ROOT / "contrib").glob("*/*.scd"), *(ROOT / "daemon/dbus").glob("*.xml")]
        for page in sources:
            text = page.read_text(encoding="utf-8").replace("*", "").replace("\\_", "_")
            for name in re.findall(r"(?<![\w.@/-])([a-z][\w.@-]*\([1-8]\))", text, re.I):
                with self.subTest(page=page.name):
                    self.assertIn(name, known)


class Readme(unittest.TestCase):
    def test_it_is_short(self):
        lines = (ROOT / "README.md").read_text(encoding="utf-8").split("\n")
        self.assertLessEqual(len(lines), 151)
        self.assertLessEqual(len(re.findall(r"\w+", prose(ROOT / "README.md"))), 1000)


if __name__ == "__main__":
    unittest.main()
