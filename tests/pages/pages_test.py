#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages, the pages in contrib/docs and recipes of packages say what the code says. Run by ctest with the built
pages as arguments."""

import functools
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = {}  # "virtsessiond.8": its path


def load(program):
    """A program without .py in its name, as a module."""
    loader = importlib.machinery.SourceFileLoader(program.name.replace("-", "_"), str(program))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module  # where its data classes look for their types
    loader.exec_module(module)
    return module


sys.dont_write_bytecode = True
api_page = load(ROOT / "contrib/man/api-page")


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def plain(page):
    """A page's text as a person reads it, in one line."""
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", PAGES[page]], capture_output=True, check=True)
    text = re.sub(".\b", "", shown.stdout.decode())
    return re.sub(r"\s+", " ", text)


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


class Pages(unittest.TestCase):
    def test_all_are_there(self):
        for page in ("virtsessiond.8", "virtsession.json.5", "org.virtsession.Supervisor1.5"):
            self.assertIn(page, PAGES)

    def test_lint(self):
        for path in PAGES.values():
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
            self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_a_page_is_found_by_its_name_and_knows_its_own(self):
        for page, path in PAGES.items():
            name, section = page.rsplit(".", 1)
            first = pathlib.Path(path).read_text(encoding="utf-8")
            self.assertIn(f'.TH "{name}" "{section}"', first)


class Supervisor(unittest.TestCase):
    """virtsessiond(8)"""

    def test_options(self):
        options = re.findall(r'\{"([a-z-]+)", (?:required|no)_argument', text_of("daemon/app/arguments.cpp"))
        self.assertGreater(len(options), 4)
        page = plain("virtsessiond.8")
        for option in options:
            self.assertIn(f"--{option}", page)

    def test_message_ids(self):
        ids = re.findall(r'"([0-9a-f]{32})"', text_of("daemon/util/message_ids.hpp"))
        self.assertGreater(len(ids), 10)
        self.assertEqual(sorted(re.findall(r"\b[0-9a-f]{32}\b", plain("virtsessiond.8"))), sorted(ids))
        # This page has those that a person looks for.
        self.assertLessEqual(set(re.findall(r"\b[0-9a-f]{32}\b", text_of("contrib/docs/troubleshooting.md"))), set(ids))

    def test_units(self):
        page = plain("virtsessiond.8")
        for unit in (ROOT / "units").glob("virtsession*.in"):
            # The page calls the instance of a template @NAME.
            self.assertIn(unit.name.removesuffix(".in").replace("@.", "@NAME."), page)

    def test_exit_codes(self):
        numbers = {"EX_USAGE": 64, "EX_NOINPUT": 66, "EX_UNAVAILABLE": 69, "EX_SOFTWARE": 70, "EX_CANTCREAT": 73,
                   "EX_TEMPFAIL": 75, "EX_NOPERM": 77, "EX_CONFIG": 78, "EX_OK": 0}
        page = PAGES["virtsessiond.8"].read_text(encoding="utf-8").split("EXIT STATUS")[1].split(".SH ")[0]
        documented = {int(number) for number in re.findall(r"\\fB(\d+)\\fR\n", page)}
        used = set()
        for source in (ROOT / "daemon").glob("**/*.cpp"):
            used |= set(re.findall(r"\bEX_[A-Z]+\b", source.read_text(encoding="utf-8")))
        self.assertEqual({numbers[name] for name in used}, documented)


class Move(unittest.TestCase):
    """virtsession-move(7)"""

    def test_options(self):
        options = re.findall(r'add_(?:option|flag)\("(?:-\w,)?(--[a-z-]+)"', text_of("contrib/move/options.hpp"))
        self.assertGreater(len(options), 6)
        page = plain("virtsession-move.7").split("OPTIONS")[1].split("WHAT CHANGES")[0]
        for option in options:
            self.assertIn(option, page)

    def test_exit_codes(self):
        codes = re.findall(r"= (\d+),", text_of("contrib/move/exit_code.hpp"))
        page = PAGES["virtsession-move.7"].read_text(encoding="utf-8").split("EXIT STATUS")[1].split(".SH ")[0]
        self.assertEqual(sorted(codes), sorted(re.findall(r"\\fB(\d+)\\fR\n", page)))


class Configuration(unittest.TestCase):
    """virtsession.json(5), and contrib/docs/policy.md"""

    schema = json.loads(text_of("config/config.schema.json"))
    policy = schema["$defs"]["policy"]["properties"]

    def test_every_key_is_on_the_page_with_its_words(self):
        page = plain("virtsession.json.5")
        keys = {**self.schema["properties"], **self.policy}
        for key, value in keys.items():
            if key != "$schema":
                self.assertIn(f" {key} (", page)
            if key != "$schema" and "$ref" not in value:
                self.assertIn(squeezed(value["description"]), page)

    def test_virtsessionctls_page_has_every_policy_key(self):
        """A row for each, or for several, with what is built in between the last parentheses."""
        text = PAGES["virtsessionctl.1"].read_text(encoding="utf-8")
        section = re.search(r"^\.SH POLICY KEYS\n(.*?)^\.SH ", text, re.S | re.M)[1]
        rows = [[squeezed(cell) for cell in row] for row in
                re.findall(r"^T\{\n(.*?)\nT\}\tT\{\n(.*?)\nT\}\tT\{\n.*?\nT\}$", section, re.S | re.M)]
        self.assertIn("Values (built in)", rows[0][1])
        shown = {}
        for keys, values in rows[1:]:
            for key, value in zip(keys.split(", "), self.built_in(values, len(keys.split(", "))), strict=True):
                self.assertNotIn(key, shown)
                shown[key] = value
        self.assertEqual(shown, {key: self.as_shown(value.get("default")) for key, value in self.policy.items()})

    @staticmethod
    def built_in(values, count):
        """Of "numbers (1, 60)" 1 and 60, of "integer (5), number (600)" 5 and 600; of a list's all in one."""
        found = re.findall(r"\(([^()]*)\)", values)
        if not found:
            return [""] * count
        if len(found) == count:
            return found
        parts = found[0].split(", ")
        return parts if len(parts) == count else parts * count

    @staticmethod
    def as_shown(default):
        if default is None:
            return "not set"
        if isinstance(default, list):
            return ", ".join(default)
        return default if isinstance(default, str) else json.dumps(default)

    def test_policy_page_is_made_from_the_schema(self):
        checked = subprocess.run([ROOT / "contrib/man/config-page", "--schema", ROOT / "config/config.schema.json",
                                  "--markdown", ROOT / "contrib/docs/policy.md", "--check"],
                                 capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_a_policy_page_that_is_out_of_date_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "policy.md"
            page.write_text(text_of("contrib/docs/policy.md").replace("`start_order`", "`start_oder`"), encoding="utf-8")
            checked = subprocess.run([ROOT / "contrib/man/config-page", "--schema", ROOT / "config/config.schema.json",
                                      "--markdown", page, "--check"], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 1)
            self.assertIn("is not what the schema says; run: contrib/man/config-page", checked.stderr)


class Words(unittest.TestCase):
    """What contrib/docs quotes of the programs is what they say."""

    QUOTED = {
        "troubleshooting": ("supervising ", "which is not managed", "not marked (libvirt's autostart flag is off)",
                            "its policy has start: never", "no space left", "No systemd user manager",
                            "definition-listed", "daemon-stray", "managed-save"),
        "administrators": ("QEMU was killed: memory ran out", "stop-budget", "limit-slice"),
    }

    def test_quoted_words(self):
        sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "daemon").glob("**/*.cpp"))
        for page, quotes in self.QUOTED.items():
            for quoted in quotes:
                with self.subTest(page=page, quoted=quoted):
                    self.assertIn(quoted, squeezed(text_of(f"contrib/docs/{page}.md")))
                    self.assertTrue(quoted in sources, "the programs do not say that")


class Packages(unittest.TestCase):
    def test_version(self):
        version = re.search(r"VERSION ([\d.]+)", text_of("CMakeLists.txt").split("project(")[1])[1]
        for recipe, pattern in (("virtsession.spec", r"^Version: +(.*)$"), ("PKGBUILD", r"^pkgver=(.*)$"),
                                ("virtsession.nix", r'^ +version = "(.*)";$')):
            found = re.findall(pattern, text_of(f"contrib/packaging/{recipe}"), re.M)
            self.assertEqual(found, [version], recipe)


class Api(unittest.TestCase):
    """org.virtsession.Supervisor1(5), and the program that makes it"""

    sources = sorted((ROOT / "daemon/dbus").glob("*.xml"))

    @staticmethod
    def make(xml):
        """Makes a page of one file. Returns what is wrong with it, or nothing."""
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "api.xml"
            source.write_text(xml, encoding="utf-8")
            try:
                api_page.make_page(api_page.read_interfaces(source), "")
            except api_page.Mistake as mistake:
                return str(mistake)
        return ""

    def test_every_word_of_the_comments_is_on_the_page(self):
        page = plain("org.virtsession.Supervisor1.5")
        lines = 0
        for source in self.sources:
            inside = source.read_text(encoding="utf-8").split("<node", 1)[1]
            for comment in re.findall(r"<!--(.*?)-->", inside, re.S):
                for line in comment.strip().split("\n"):
                    # A head ("name (type, default):", "@name:", "Since:") is rendered in another form.
                    line = re.sub(r"^(@?[\w.:-]+( \([^()]*\))?):( |$)", "", squeezed(line))
                    if line != "see below.":
                        self.assertIn(line, page)
                        lines += 1
        self.assertGreater(lines, 300)

    def test_every_member_is_on_the_page_with_its_type(self):
        page = plain("org.virtsession.Supervisor1.5")
        for source in self.sources:
            xml = source.read_text(encoding="utf-8")
            for name, type_ in re.findall(r'<property name="(\w+)" type="([^"]+)"', xml):
                self.assertIn(f" {name} ({type_}, ", page)
            for name, body in re.findall(r'<method name="(\w+)">(.*?)</method>', xml, re.S):
                taken = re.findall(r'name="(\w+)" type="([^"]+)" direction="in"', body)
                self.assertIn(f" {name}({', '.join(f'{type_} {argument}' for argument, type_ in taken)})", page)

    GOOD = """<node>
  <!--
    a.B:

    An interface.

    Since: 0.1
  -->
  <interface name="a.B">
    <!--
      Do:
      @vm: a VM's name,
        or more.
      @options: see below.
      @rows: what there is.

      Does it.

      Options:
        wait (b, true): answer later,
          or at once.
      Fields:
        name (s): as it is.
        since (t): when.
      Values:
        on: it is.
      Errors:
        Busy: not now.
      Since: 0.1
    -->
    <method name="Do">
      <arg name="vm" type="s" direction="in"/>
      <arg name="options" type="a{sv}" direction="in"/>
      <arg name="rows" type="a(st)" direction="out"/>
    </method>
  </interface>
</node>
"""

    def test_a_good_comment(self):
        self.assertEqual(self.make(self.GOOD), "")

    def test_fields_are_also_the_entries_of_dictionaries(self):
        self.assertEqual(self.make(self.GOOD.replace('"a(st)"', '"aa{sv}"')), "")

    def test_a_mistake_ends_the_program(self):
        made = subprocess.run([ROOT / "contrib/man/api-page", "--intro", "/dev/null", "--output", "/dev/null",
                               ROOT / "tests/fakes/org.freedesktop.systemd1.Manager.xml"],
                              capture_output=True, text=True)
        self.assertEqual(made.returncode, 1)
        self.assertIn("has no comment", made.stderr)

    def test_a_comment_that_does_not_fit_is_an_error(self):
        # What is replaced, by what, and what is said.
        for old, new, said in (
            ("      Do:\n", "      Dont:\n", "its comment is about Dont"),
            ("      Do:\n", "      Do it.\n", "begins with the element's name"),
            ("      @vm: a", "      @wm: a", "the XML has ['vm', 'options', 'rows']"),
            ("      @vm: a", "      @vm a", "'@name: text'"),
            ("        or more.", "            or more.", "not indented"),
            ("      Does it.\n", "", "has no text"),
            ("      Does it.\n", "      Does it.\n      @vm: again\n", "'@name: text'"),
            ("wait (b, true)", "wait (b)", "no entry of Options"),
            ("wait (b, true)", "wait (yes, true)", "no D-Bus type"),
            ("          or at once.", "      or at once.", "no entry of Options"),
            ("@options: see below.", "@options: none are known.", "else 'none are known.'"),
            ("since (t)", "since (s)", "its Fields are (ss)"),
            ("since (t)", "name (s)", "a second entry"),
            ("        on: it is.\n", "", "the section Values is empty"),
            ("        Busy: not now.", "        Busy not now.", "no entry of Errors"),
            ("      Since: 0.1\n    -->", "    -->", "does not end with Since"),
            ("      Since: 0.1\n    -->", "      Since: 0.1\n      More.\n    -->", "nothing follows Since"),
            ("      Since: 0.1\n    -->", "      Since:\n        0.1\n    -->", "'Since: VERSION' is one line"),
            ("      Errors:\n", "      Options:\n", "a second section Options"),
            ("    <!--\n      Do:", "    <!-- Do:", "lines of its own"),
            ("<method name", "<methods name", "is not known"),
            ('    <method name="Do">', '    <method name="Done"></method>\n    <method name="Do">', "is about Do"),
        ):
            with self.subTest(new=new):
                self.assertIn(old, self.GOOD)
                self.assertIn(said, self.make(self.GOOD.replace(old, new, 1)))

    def test_a_missing_comment_is_an_error_with_its_place(self):
        text = self.make(re.sub(r"    <!--\n      Do:.*?-->\n", "", self.GOOD, flags=re.S))
        self.assertRegex(text, r"^.*/api\.xml:10: method Do has no comment$")


if __name__ == "__main__":
    PAGES.update({pathlib.Path(path).name: pathlib.Path(path) for path in sys.argv[1:]})
    unittest.main(argv=sys.argv[:1])
