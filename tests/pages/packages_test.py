#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lists of files in recipes for packages have what is installed: each recipe's options are given to cmake, which
tells what it would install, and nothing is built. Run by ctest with cmake. The recipes without a list (deb, PKGBUILD)
take all that is installed."""
import fnmatch
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = sys.argv.pop(1)


def recipe(name):
    return (ROOT / "contrib/packaging" / name).read_text(encoding="utf-8")


def installed(options):
    """Paths of what `cmake --install` would make below /usr, see cmake-file-api(7)"""
    with tempfile.TemporaryDirectory() as folder:
        api = pathlib.Path(folder) / ".cmake/api/v1"
        (api / "query").mkdir(parents=True)
        (api / "query/codemodel-v2").touch()
        subprocess.run([CMAKE, "-S", ROOT, "-B", folder, "-Wno-dev", "-DCMAKE_INSTALL_PREFIX=/usr", *options],
                       check=True, stdout=subprocess.DEVNULL)
        model = json.loads(next((api / "reply").glob("codemodel-v2-*.json")).read_text(encoding="utf-8"))
        files = set()
        for directory in model["configurations"][0]["directories"]:
            entry = json.loads((api / "reply" / directory["jsonFile"]).read_text(encoding="utf-8"))
            for installer in entry.get("installers", []):
                for path in installer["paths"]:
                    name = path["to"] if isinstance(path, dict) else pathlib.PurePath(path).name
                    files.add(str(pathlib.PurePath("/usr") / installer["destination"] / name))
        return files


class Spec(unittest.TestCase):
    """The one for Fedora: rpmbuild fails for a file that is not in %files, and for an entry of it without a file"""

    MACROS = {"_bindir": "/usr/bin", "_libexecdir": "/usr/libexec", "_datadir": "/usr/share", "_mandir": "/usr/share/man",
              "_docdir": "/usr/share/doc", "_userunitdir": "/usr/lib/systemd/user", "name": "virtsession",
              "buildroot": ""}

    def section(self, name):
        text = re.search(rf"^%{name}\n(.*?)(?=^%(?:build|install|post|files|changelog)\b|\Z)", recipe("virtsession.spec"),
                         re.M | re.S)[1]
        return re.sub(r"%\{(\w+)\}", lambda macro: self.MACROS[macro[1]], text)

    def test_every_file_is_listed(self):
        options = shlex.split(self.section("build").replace("\\\n", " ").split("%cmake ")[1].split("\n")[0])
        removed = re.findall(r"^rm (\S+)", self.section("install"), re.M)
        files = installed(options) - set(removed)
        self.assertGreater(len(files), 40)
        listed = re.findall(r"^(?:%doc )?(/\S+)$", self.section("files"), re.M)
        patterns = [entry + "*" if entry.endswith("/") else entry for entry in listed]
        for path in sorted(files):
            self.assertTrue(any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns), f"{path} is in no %files")
        for pattern in patterns:
            self.assertTrue(fnmatch.filter(files, pattern), f"{pattern} of %files is not installed")


class Nix(unittest.TestCase):
    """The module for home-manager, which links each unit"""

    def test_every_unit_is_listed(self):
        text = recipe("virtsession.nix")
        options = [re.sub(r"\$\{[^}]*\}", "/nix", option) for option in
                   re.findall(r'"(-D[^"]*)"', re.search(r"cmakeFlags = \[(.*?)\];", text, re.S)[1])]
        words = re.findall(r'"([^"]+)"', re.search(r"  units = (.*?);", text, re.S)[1])
        listed = {word for word in words if "." in word}
        for word in words:
            if "." not in word:
                listed |= {f"virtsession-{word}.service", f"virtsession-{word}.socket"}
        folder = "/usr/share/systemd/user/"
        units = {path.removeprefix(folder) for path in installed(options) if path.startswith(folder)}
        self.assertGreater(len(units), 10)
        self.assertEqual(sorted(listed), sorted(units))


if __name__ == "__main__":
    unittest.main()
