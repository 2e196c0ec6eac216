#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command that README.md, CONTRIBUTING.md, contrib/docs and the manual pages show is run, on a bus of the test's own with a real
virtsessiond and VMs of libvirt's test driver, or its verb, options and files are looked up. Run by ctest with the
programs: commands_test.py VIRTSESSIOND VIRTSESSIONCTL VIRTSESSION-MOVE"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "contrib/docs").glob("*.md")),
         *sorted((ROOT / "contrib/man").glob("*.scd"))]
PROGRAMS = {}
AT_MOST = 60

# Programs of others that pages call. Another one needs a thought on how it is checked.
OTHERS = {"apt-get", "cp", "cut", "dpkg-statoverride", "gapplication", "git", "journalctl", "kill", "ln", "loginctl",
          "machinectl", "systemctl", "systemd-cgls", "virt-install", "virt-manager"}

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""

# The uuid of "web" is that of the answers in contrib/docs/dbus.md.
UUIDS = {"web": "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa", "db": "00000002-2222-3333-4444-555555555555"}


class Host:
    """A bus, and virtsessiond on it."""

    def __init__(self, running):
        """running: by name, whether a VM runs."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtsession-pages-"))
        for name in ("run", "config", "state"):
            (self.folder / name).mkdir(mode=0o700)
        self.environment = {**os.environ, "HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder / "run"),
                            "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_STATE_HOME": str(self.folder / "state"),
                            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",  # nothing of the machine is changed
                            "LIBVIRT_AUTOSTART": "0", "EDITOR": "true", "VISUAL": "true", "LC_ALL": "C.UTF-8",
                            "SYSTEMD_PAGER": "", "PATH": f"{PROGRAMS['virtsessionctl'].parent}:"
                                                         f"{PROGRAMS['virtsessiond'].parent}:{os.environ['PATH']}"}
        domains = "".join(
            f"<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name>"
            f"<uuid>{UUIDS[name]}</uuid><memory>1024</memory><os><type>hvm</type></os>"
            f"<test:runstate>{1 if runs else 5}</test:runstate></domain>" for name, runs in running.items())
        (self.folder / "node.xml").write_text(f"<node>{domains}</node>", encoding="utf-8")
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder), encoding="utf-8")
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--print-address=1"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().strip()
        self.daemon = subprocess.Popen([PROGRAMS["virtsessiond"], "--connect", f"test://{self.folder}/node.xml"],
                                       env=self.environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + AT_MOST
        while len(self.run("virtsessionctl list --quiet")[1].split()) != len(running):
            if time.monotonic() > deadline or self.daemon.poll() is not None:
                raise AssertionError("virtsessiond does not answer on the test's bus")
            time.sleep(0.1)

    def run(self, script):
        """In a shell. Returns the exit status and the output, errors among it."""
        done = subprocess.run(["bash", "-c", script], env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=AT_MOST)
        return done.returncode, done.stdout

    def close(self):
        for process in (self.daemon, self.bus):
            process.terminate()
            process.wait(AT_MOST)
        self.bus.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def blocks(text):
    """Indented and fenced blocks of a page, as lists of lines."""
    for fenced in re.findall(r"^```\n(.*?)^```$", text, re.S | re.M):
        yield fenced.split("\n")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M):
        yield [line[4:] for line in block.split("\n")]


def is_code(line):
    """Neither of a file's content nor a drawing."""
    return bool(re.match(r"(sudo )?[$./\w-]+( |$)", line)) and not re.match(r"[\w-]+=\S*$", line)


def as_markdown(scd):
    """What of a manual page's source is code: between fences, and what is indented under EXAMPLES."""
    fenced = re.findall(r"^```\n.*?^```$", scd, re.S | re.M)
    examples = (re.findall(r"^# EXAMPLES\n(.*?)(?=^# |\Z)", scd, re.S | re.M) or [""])[0]
    lines = re.findall(r"^(?:\t|(?=virtsessionctl ))(.*)$", re.sub(r"^```\n.*?^```$", "", examples, flags=re.S | re.M), re.M)
    indented = "".join(f"    {line.removesuffix('++')}\n" for line in lines)
    return re.sub(r"\\+\n *", "", "\n".join(fenced)) + "\n\n" + indented


def shown(page):
    """The commands of a page, as one writes them in a shell."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".scd":
        text = as_markdown(text)
    for lines in blocks(text):
        prompts = [line[2:] for line in lines if line.startswith("$ ")]
        if prompts:
            yield from prompts
        elif all(is_code(line) for line in lines if line) and not any("  |" in line for line in lines):
            yield from (line for line in lines if line)
    prose = re.sub(r"^```.*?^```$|^    .*$", "", text, flags=re.S | re.M)
    for code in re.findall(r"`([^`\n]+)`", prose):
        if re.match(r"(sudo |\./)?(virtsession(ctl|d)|virsh|busctl|systemctl|loginctl|journalctl|contrib/[\w-]+\.sh|"
                    r"contrib/commit-check|tests/run\.sh|cmake) ", code):
            yield code


def simple_commands(line):
    """[word...] of each command of a line, without what a shell alone does."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set("|&;"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def help_of(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout + done.stderr


class Lookup(unittest.TestCase):
    """Verbs, options, presets, files: what a page names exists."""

    def check(self, words):
        if words[0] == "sudo":
            words = words[1:]
        if re.match(r"[A-Z0-9_]+=", words[0]):
            return self.check(words[1:]) if words[1:] and "$(" not in words[0] else None
        program, rest = words[0].removeprefix("./"), words[1:]
        options = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        if program == "virtsessionctl":
            self.check_verb(rest, options)
        elif program == "virtsessiond":
            self.assertLessEqual(set(options), set(re.findall(r"--[a-z-]+", help_of(PROGRAMS["virtsessiond"], "--help"))))
        elif program == "virsh":
            verb = next(word for word in rest if not word.startswith("-") and ":" not in word)
            self.assertEqual(subprocess.run(["virsh", "help", verb], capture_output=True).returncode, 0)
        elif program == "tests/run.sh":
            parts = re.search(r"case \$part in\n +(.*)\) ;;", (ROOT / program).read_text(encoding="utf-8"))[1].split(" | ")
            parts += re.search(r"all_legs=\((.*)\)", (ROOT / program).read_text(encoding="utf-8"))[1].split()
            self.assertLessEqual({word for word in rest if not word.startswith("<")}, set(parts))
        elif program in ("contrib/install.sh", "contrib/commit-check", "contrib/man/config-page"):
            self.assertLessEqual(set(options), set(re.findall(r"--[a-z-]+", help_of(ROOT / program, "--help"))))
        elif program in ("cmake", "cpack"):
            presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
            names = {preset["name"] for kind, all_ in presets.items() if kind.endswith("Presets") for preset in all_}
            self.assertLessEqual({rest[i + 1] for i, word in enumerate(rest) if word == "--preset"}, names)
        elif "/" in program and not program.startswith("build/"):
            self.assertTrue((ROOT / program).is_file(), "there is no such file")
        elif program not in ("busctl", "gdbus") and not program.startswith(("$", "build/")):
            self.assertIn(program, OTHERS)
        for word in words:
            for unit in re.findall(r"\bvirtsession[\w-]*\.(?:service|socket|slice)\b", word):
                self.assertTrue((ROOT / f"units/{unit}.in").is_file(), f"there is no unit {unit}")

    def check_verb(self, rest, options):
        verb = next((word for word in rest if not word.startswith("-")), "status")
        if verb == "VERB":
            return
        text = help_of(PROGRAMS["virtsessionctl"], "help", verb)
        self.assertTrue(text.startswith(f"Usage: virtsessionctl {verb}"), text)
        if verb == "move":
            text += help_of(PROGRAMS["virtsession-move"], "--help")
        for option in options:
            if verb != "logs":
                self.assertRegex(text, rf"(^|[ ,]){option}\b")

    def test_all(self):
        count = 0
        for page in PAGES:
            for line in shown(page):
                for words in simple_commands(re.sub(r"(^| )#.*", "", line)):
                    with self.subTest(page=page.name, line=line):
                        self.check(words)
                        count += 1
        self.assertGreater(count, 80)

    def test_mistakes_are_seen(self):
        for line in ("virtsessionctl enabel web", "virtsessionctl plan --timout 5", "tests/run.sh nothing",
                     "contrib/install.sh --prefix-dir x", "cmake --preset none", "frobnicate web",
                     "systemctl --user restart virtsession-nothing.service", "virsh autostrat web"):
            with self.subTest(line=line), self.assertRaises(AssertionError):
                self.check(next(simple_commands(line)))


class Run(unittest.TestCase):
    # What has to be so before, by verb; and verbs that have nothing to talk to here: they are looked up only.
    BEFORE = {"start": "virtsessionctl poweroff web", "resume": "virtsessionctl start web; virtsessionctl pause web"}
    NOT_HERE = {"address", "console", "linger", "logs", "move", "monitor", "on-demand", "ports", "ssh"}
    MENTIONED = {"virtsessionctl policy"}

    def host(self, running):
        host = Host(running)
        self.addCleanup(host.close)
        return host

    def test_virtsessionctl(self):
        host = self.host({"web": True, "db": True})
        count = 0
        for page in PAGES:
            for line in shown(page):
                words = shlex.split(line, comments=True)
                if words[0] != "virtsessionctl" or any(re.fullmatch(r"[A-Z=]+", word) for word in words):
                    continue
                verb = next((word for word in words[1:] if not word.startswith("-")), "status")
                if verb in self.NOT_HERE or "--system" in words or line in self.MENTIONED:
                    continue
                with self.subTest(page=page.name, line=line):
                    host.run(self.BEFORE.get(verb, "true"))
                    status, output = host.run(line)
                    self.assertIn(status, (0, 1) if verb == "doctor" else (0,), output)
                    count += 1
        self.assertGreater(count, 30)

    def test_a_configuration_is_checked(self):
        host = self.host({"web": False})
        file = host.folder / "config/virtsession/config.json"
        file.parent.mkdir()
        for text, checked, reloaded in (('{"parallel": 2}', 0, 0), ('{"paralel": 2}', 78, 1)):
            with self.subTest(text=text):
                file.write_text(text, encoding="utf-8")
                for line, expected in (('virtsessiond --check-config "$XDG_CONFIG_HOME/virtsession/config.json"', checked),
                                       ("virtsessionctl reload", reloaded)):
                    status, output = host.run(line)
                    self.assertEqual(status, expected, output)
                    self.assertEqual("did you mean parallel?" in output, expected != 0, output)

    def test_the_example_on_the_bus(self):
        """Each call of the first block of dbus.md answers what the page says."""
        host = self.host({"web": False})
        block = next(blocks((ROOT / "contrib/docs/dbus.md").read_text(encoding="utf-8")))
        before, count = "", 0
        for command, answer in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", "\n".join(block), re.M):
            if re.match(r"[A-Z]+=", command):
                before += command + "\n"
            elif not command.startswith("virsh"):  # whose VMs are not those of the test driver
                with self.subTest(command=command):
                    self.assertEqual(host.run(before + command)[1].strip(), answer.strip())
                    count += 1
        self.assertGreaterEqual(count, 7)

    def test_the_features_on_the_bus(self):
        """Each call of the table of dbus.md is taken."""
        host = self.host({"web": True})
        text = (ROOT / "contrib/docs/dbus.md").read_text(encoding="utf-8")
        lines = [line for block in blocks(text) for line in block]
        before = "\n".join(line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?(API|VM|POLICY|MANAGER)=", line))
        count = 0
        for code in re.findall(r"`((?:\$POLICY|\$MANAGER|busctl)[^`]+)`", text.split("## A command for each")[1]):
            with self.subTest(code=code):
                status, output = host.run(f"{before}\n{code}")
                self.assertTrue(status == 0 or ("SetLinger" in code and "system bus" in output), output)
                count += 1
        self.assertGreater(count, 15)


if __name__ == "__main__":
    PROGRAMS.update({pathlib.Path(path).name: pathlib.Path(path).resolve() for path in sys.argv[1:4]})
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
