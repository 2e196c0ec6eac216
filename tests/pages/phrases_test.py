#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages and messages are in plain English: their subjects are things and people.

Some phrases fail this test. Sentences of other shapes are only listed, and a person decides about them:
tests/pages/phrases_test.py --candidates"""

import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

PHRASES = [re.compile(pattern, re.I) for pattern in (
    r"\bwhoever\b", r"\b(is|are|was|were) told\b", r"\bso long\b(?! as)", r"\bto mend\b", r"\bmend(s|ed)\b",
    r"\bas (it|they) stands?\b", r"\ball the same\b")]

# A subject that is neither a thing nor a person: a clause ("What is mistyped gets a suggestion"), or a pronoun for one.
CANDIDATES = [re.compile(pattern) for pattern in (
    r"(?:^|(?<=[.:;] ))(?:What|Who|Whatever|Whose|Which)\b[^?|]*?(?:[.:;]|$)",
    r"(?:^|(?<=[.:;] ))(?:Those|One|That) (?:that|who|which)\b[^?|]*?(?:[.:;]|$)",
    r"\b(?:so|as) much as there\b[^.]*", r"\bis (?:not )?to be\b[^.]*", r"\bby then\b[^.]*")]


def listed(*patterns):
    found = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                           capture_output=True, text=True, check=True)
    return [ROOT / name for name in found.stdout.split("\n") if name and (ROOT / name).is_file()]


def without_code(text):
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def descriptions(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "description" and isinstance(member, str):
                yield member
            else:
                yield from descriptions(member)


# A comment, a raw string, a string, a character: the first that begins has what is in it.
TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(\w*)\((?P<raw>.*?)\)\1"|"(?P<text>(?:\\.|[^"\\\n])*)["]"""
                   r"""|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""", re.S)


def messages(source):
    """The strings of C++. Those with nothing but white space between them are one."""
    parts, end = [], None
    for token in TOKEN.finditer(source):
        text = token["raw"] if token["raw"] is not None else token["text"]
        if text is None:
            continue
        if end is not None and not source[end:token.start()].strip():
            parts[-1] += text
        else:
            parts.append(text)
        end = token.end()
    return [part.replace("\\n", " ") for part in parts]


def pages():
    """(name, paragraphs) of everything that people read."""
    for path in listed("*.md", "contrib/*.scd", "contrib/packaging/deb/README.Debian"):
        text = path.read_text(encoding="utf-8")
        yield path, re.split(r"\n\s*\n|\n(?=[-*|#\t])", without_code(text) if path.suffix == ".md" else text)
    for path in listed("config/config.schema.json"):
        yield path, list(descriptions(json.loads(path.read_text(encoding="utf-8"))))
    for path in listed("daemon/dbus/*.xml"):
        comments = re.findall(r"<!--(.*?)-->", path.read_text(encoding="utf-8"), re.S)
        yield path, [part for comment in comments for part in re.split(r"\n\s*\n|\n(?= +[@\w.-]+ ?(?:\(.*?\))?:)", comment)]
    for path in listed("daemon/*.cpp", "daemon/*.hpp", "contrib/*.cpp", "contrib/*.hpp"):
        yield path, messages(path.read_text(encoding="utf-8"))


def found(patterns):
    for path, paragraphs in pages():
        for paragraph in paragraphs:
            text = re.sub(r"\s+", " ", paragraph).strip(" |*#-")
            for pattern in patterns:
                for match in pattern.finditer(text):
                    begin = max(0, match.start() - 30)
                    yield f"{path.relative_to(ROOT)}: ...{text[begin:max(match.end(), begin + 100)]}..."


class Phrases(unittest.TestCase):
    def test_no_page_has_them(self):
        self.assertEqual(list(found(PHRASES)), [])

    def test_they_are_found(self):
        for text in ("Whoever has no VM yet is told how to make one.", "the command that mends it", "as it stands here",
                     "They stop before it all the same.", "wait at most so long", "Whose VM it is, they were told."):
            self.assertTrue(any(pattern.search(text) for pattern in PHRASES), text)
        for text in ("so long as it runs", "It tells why.", "recommends"):
            self.assertFalse(any(pattern.search(text) for pattern in PHRASES), text)

    def test_every_kind_of_page_is_looked_at(self):
        kinds = {path.suffix for path, paragraphs in pages() if paragraphs}
        self.assertLessEqual({".md", ".scd", ".json", ".xml", ".Debian", ".cpp", ".hpp"}, kinds)

    def test_messages_are_the_strings_and_not_the_comments(self):
        source = """f("it is", 'x', "a \\"b\\" // no comment"  // "whoever"
            "mended");  /* "told" */ g('"', R"x(raw "one")x"); h("it"
            " stays\\n");"""
        self.assertEqual(messages(source), ["it is", 'a \\"b\\" // no comment', "mended", 'raw "one"', "it stays "])


if __name__ == "__main__":
    if sys.argv[1:] == ["--candidates"]:
        print("\n".join(found(CANDIDATES)))
    else:
        unittest.main()
