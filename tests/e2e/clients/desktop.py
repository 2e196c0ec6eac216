# SPDX-License-Identifier: LGPL-2.1-or-later
"""A throwaway host (tests/host/host) with virtsession as it is installed, the clients of client-root, and a user who is
logged in; and what must hold whatever a client has done."""

import json
import os
import re
import subprocess
import tempfile
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(os.path.dirname(TESTS), "build")
USER = "alice"
HOME = "/home/" + USER
SCRIPTS = "/opt/clients"
URI = "qemu:///session"
SOON, LONG = 20, 180  # seconds; generous: reached only when a test fails
POLICY = "https://virtsession.org/policy/1"


def wait_until(condition, what, at_most=SOON, interval=0.2):
    """Calls condition until it returns something true, and returns that."""
    deadline = time.monotonic() + at_most
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(interval)


class Host:
    def __init__(self, root):
        self.state = tempfile.mkdtemp(prefix="virtsession-clients-")
        self.run("boot", "--lower", root, "--install", BUILD + "/release/tests/installed", "--guests",
                 BUILD + "/release/tests/guests", "--owner", str(os.getpid()))

    def command(self, *words):
        return [TESTS + "/host/host", "--state", self.state, *words]

    def run(self, *words, timeout=300):
        """One of the host's verbs. \\return what it says; a failure is an error"""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.rstrip("\n")

    def root(self, *words):
        return self.run("exec", "--", *words)

    def user(self, *words, timeout=300):
        return self.run("user", USER, "--", *words, timeout=timeout)

    def try_user(self, *words, timeout=300):
        """\\return exit status, and all that it says"""
        done = subprocess.run(self.command("user", USER, "--", *words), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout

    def write(self, path, text):
        """A file of the user's."""
        command = self.command("user", USER, "--", "sh", "-c", f"cat >'{path}'")
        subprocess.run(command, input=text, text=True, check=True)

    def read(self, path):
        return self.root("sh", "-c", f"cat '{path}' 2>/dev/null || true")

    def journal(self, *words):
        return self.run("journal", "--quiet", *words)


class ClientTest(unittest.TestCase):
    """A test case is a host."""

    maxDiff = None

    def setUp(self):
        self.host = Host(os.environ["VIRTSESSION_TEST_LOWER"])
        self.addCleanup(self.host.run, "destroy")
        self.host.run("add-user", USER)
        self.host.root("systemctl", "--global", "enable", "virtsessiond.service")
        inside = os.path.join(TESTS, "e2e/clients/inside")
        self.host.run("put", *(os.path.join(inside, name) for name in os.listdir(inside)),
                      SCRIPTS + "/")
        self.host.run("login", USER)
        wait_until(self._is_ready, "virtsessiond is connected to libvirt", LONG)

    def _is_ready(self):
        status, said = self.host.try_user("python3", SCRIPTS + "/look.py")
        return status == 0 and json.loads(said)["manager"]["LibvirtState"] == "ready"

    # what virtsessiond shows

    def look(self, *words):
        return json.loads(self.host.user("python3", SCRIPTS + "/look.py", *words))

    def vm(self, name):
        """All properties of a VM; none while there is no such VM."""
        return self.look()["vms"].get(name, {})

    def wait_for(self, name, at_most=SOON, **expected):
        """Waits until a VM's properties have these values. \\return all of them"""
        seen = {}

        def there():
            seen.clear()
            seen.update(self.vm(name))
            return all(seen.get(key) == value for key, value in expected.items()) and seen
        try:
            return dict(wait_until(there, f"{name}: {expected}", at_most))
        except AssertionError as error:
            shown = {key: seen.get(key) for key in (*expected, "Phase", "PhaseReason", "LastError")}
            raise AssertionError(f"{error}; it is {shown}") from None

    def wait_gone(self, *names, at_most=SOON):
        wait_until(lambda: not set(names) & set(self.look()["vms"]), f"{names} are gone", at_most)

    def history(self, name):
        """(phase, reason, cause) of each change, oldest first."""
        return [(row["phase"], row["reason"], row.get("cause", "")) for row in json.loads(
            self.host.user("virtsessionctl", "history", name, "--json"))]

    # what clients do

    def client(self, *words, timeout=300, unexpected="rror"):
        """Runs a client. It must succeed, and not say this; none of them fails in silence. \\return what it says"""
        status, said = self.host.try_user(*words, timeout=timeout)
        self.assertEqual(status, 0, f"{words}: {said}")
        self.assertNotIn(unexpected, said)
        return said

    def virsh(self, *words):
        return self.client("virsh", "-c", URI, *words)

    def script(self, name, *words):
        return self.host.user("python3", f"{SCRIPTS}/{name}", *words)

    def beside(self, unit, *words):
        """Runs a client beside the test, as a unit of the user; its words are said by said_by()."""
        self.host.user("systemd-run", "--user", "--quiet", "--remain-after-exit", "--unit=" + unit,
                       f"--property=StandardOutput=file:{HOME}/{unit}.out",
                       f"--property=StandardError=file:{HOME}/{unit}.out", *words)

    def said_by(self, unit):
        return self.host.read(f"{HOME}/{unit}.out")

    def wait_said(self, unit, text, at_most=LONG):
        try:
            wait_until(lambda: text in self.said_by(unit), f"{unit} says {text!r}", at_most)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.said_by(unit)}") from None

    def make_disk(self, name, size="16M"):
        self.host.user("qemu-img", "create", "-q", "-f", "qcow2", f"{HOME}/{name}", size)
        return f"{HOME}/{name}"

    def define(self, name, policy=None, disk=None, guest=False):
        """A VM with firmware only or, with guest, one that obeys its power button."""
        boot = ("<kernel>/var/lib/guests/kernel</kernel><initrd>/var/lib/guests/guest.cpio.gz</initrd><cmdline>"
                f"console=ttyS0 quiet no_timer_check guest.name={name}</cmdline>") if guest else ""
        meta = f"<metadata><v:policy xmlns:v='{POLICY}'>{json.dumps(policy)}</v:policy></metadata>" if policy else ""
        devices = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>"
                   "<target dev='vda' bus='virtio'/></disk>") if disk else ""
        self.host.write(f"{HOME}/{name}.xml", f"""<domain type='qemu'><name>{name}</name>{meta}
<memory unit='MiB'>{96 if guest else 16}</memory><os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os>
<features><acpi/></features><devices>{devices}<controller type='usb' model='none'/><memballoon model='none'/>
</devices></domain>""")
        self.virsh("define", "--validate", f"{HOME}/{name}.xml")
        return self.wait_for(name, Phase="inactive")

    # what must hold afterwards

    def check_in_order(self, complaints=()):
        """virtsessiond shows each domain as libvirt has it and no other, keeps nothing of those that are gone and has
        no complaint in its journal but these; each VM that runs has a scope, and nothing else has one; the libvirt
        daemon is the managed one and the only one; and doctor sees no problem."""
        for check in (self._same_as_libvirt, self._stray_records, self._scopes):
            wrong = None
            for _ in range(50):  # what has just happened may be on its way
                wrong = check()
                if not wrong:
                    break
                time.sleep(0.2)
            self.assertFalse(wrong)
        daemon = self.host.user("systemctl", "--user", "show", "-P", "MainPID", "virtsession-libvirtd.service")
        self.assertEqual(self.host.root("pgrep", "-u", USER, "-x", "libvirtd"), daemon)
        said = self.host.journal("--boot=0", "_SYSTEMD_USER_UNIT=virtsessiond.service", "--priority=warning",
                                 "--output=cat")
        self.assertEqual([line for line in said.splitlines() if line not in complaints], [])
        rows = json.loads(self.host.try_user("virtsessionctl", "doctor", "--json")[1])
        # What the machine's KVM is like is none of the host's.
        self.assertEqual([row for row in rows if row["severity"] == "problem" and not row["id"].startswith("kvm-")], [])

    def _same_as_libvirt(self):
        seen = self.look("--libvirt")
        shown = {name: {key: vm[key] for key in ("Uuid", "State", "Persistent", "Autostart", "ManagedSave")}
                 for name, vm in seen["vms"].items()}
        if shown != seen["domains"]:
            return f"virtsessiond shows {shown}, libvirt has {seen['domains']}"
        runs = ("running", "paused", "waiting-ready", "stopping", "saving")
        return [f"{name} is {vm['State']}, and its phase {vm['Phase']}" for name, vm in seen["vms"].items()
                if (vm["State"] in ("running", "paused")) != (vm["Phase"] in runs)]

    def _stray_records(self):
        known = {vm["Uuid"] for vm in self.look()["vms"].values()}
        runtime = f"/run/user/{self.host.root('id', '-u', USER)}"
        kept = {path: set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.host.read(path)))
                for path in (f"{HOME}/.local/state/virtsession/state.json", f"{runtime}/virtsession/login.json")}
        return {path: list(uuids - known) for path, uuids in kept.items() if uuids - known}

    def _scopes(self):
        listed = self.host.user("systemctl", "--user", "list-units", "--plain", "--no-legend", "--type=scope",
                                "virtsession-*")
        have = {line.split()[0] for line in listed.splitlines()}
        want = {vm["Scope"] for vm in self.look()["vms"].values() if vm["State"] in ("running", "paused")}
        return have != want and f"scopes: {have}, of VMs that run: {want}"

