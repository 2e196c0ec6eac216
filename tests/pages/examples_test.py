#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of contrib/examples that are for other programs are read as those read them, and the commands in them are
run, with a real virtsessiond. Run by ctest with the programs: examples_test.py VIRTSESSIOND VIRTSESSIONCTL VIRTSESSION-MOVE"""

import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
import unittest

from commands_test import PROGRAMS, ROOT, Host

EXAMPLES = ROOT / "contrib/examples"

# waybar-custom(5)
WAYBAR_KEYS = {"exec", "exec-if", "exec-on-event", "return-type", "interval", "restart-interval", "signal", "format",
               "format-icons", "rotate", "max-length", "min-length", "align", "on-click", "on-click-middle",
               "on-click-right", "on-update", "on-scroll-up", "on-scroll-down", "smooth-scrolling-threshold", "tooltip",
               "escape"}

# podman-systemd.unit(5), of podman 4.4: what the first Quadlet knows.
CONTAINER_KEYS = {"AddCapability", "AddDevice", "Annotation", "ContainerName", "DropCapability", "Environment",
                  "EnvironmentFile", "EnvironmentHost", "Exec", "ExposeHostPort", "Group", "HostName", "IP", "IP6",
                  "Image", "Label", "Mount", "Network", "NoNewPrivileges", "Notify", "PodmanArgs", "PublishPort",
                  "ReadOnly", "RemapGid", "RemapUid", "RemapUidSize", "RemapUsers", "RunInit", "SeccompProfile",
                  "SecurityLabelDisable", "SecurityLabelFileType", "SecurityLabelLevel", "SecurityLabelType", "Secret",
                  "Timezone", "User", "UserNS", "VolatileTmp", "Volume"}


def settings(unit):
    """[(section, key, value)...] of a unit file."""
    section, found = "", []
    for line in unit.split("\n"):
        if match := re.fullmatch(r"\[([\w-]+)\]", line):
            section = match[1]
        elif line and not line.startswith("#"):
            found.append((section, *line.split("=", 1)))
    return found


class Examples(unittest.TestCase):
    def host(self):
        host = Host({"web": False, "db": False})
        self.addCleanup(host.close)
        return host

    def state(self, host, vm):
        return host.run(f"virtsessionctl show {vm} --property State")[1].strip()

    def verify(self, host, units):
        """units: {name: text}. systemd finds nothing to say about them."""
        folder = host.folder / "units"
        folder.mkdir()
        for name, text in units.items():
            text = text.replace("=virtsessionctl ", f"={PROGRAMS['virtsessionctl']} ")  # not installed here
            (folder / name).write_text(text, encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", *sorted(folder.iterdir())],
                              env={**host.environment, "SYSTEMD_LOG_LEVEL": "warning"}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        complaints = [line for line in done.stderr.split("\n") if str(folder) in line or any(name in line for name in units)]
        self.assertEqual((done.returncode, complaints), (0, []), done.stderr)

    def test_schedule(self):
        units = {path.name: path.read_text(encoding="utf-8") for path in (EXAMPLES / "schedule").iterdir()}
        template = (ROOT / "units/virtsession-vm@.service.in").read_text(encoding="utf-8")
        host = self.host()
        self.verify(host, {**units, "virtsession-vm@.service": re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", template,
                                                                      flags=re.M)})
        for name, section, key, value in ((name, *row) for name, text in units.items() for row in settings(text)):
            if key == "OnCalendar":
                subprocess.run(["systemd-analyze", "calendar", value], check=True, capture_output=True, timeout=60)
            if key == "Unit":
                self.assertRegex(value, r"^virtsession-vm@[a-z]+\.service$", name)
            if key == "ExecStart":
                host.run("virtsessionctl start web")
                self.assertEqual(host.run(value)[0], 0, name)
                self.assertEqual(self.state(host, "web"), "shut-off")
                self.assertEqual(host.run("virtsessionctl show web --property ManagedSave")[1].strip(), "true")

    def test_waybar(self):
        text = (EXAMPLES / "waybar.jsonc").read_text(encoding="utf-8")
        modules = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))
        self.assertEqual(list(modules), ["custom/vms"])
        module = modules["custom/vms"]
        self.assertLessEqual(set(module), WAYBAR_KEYS)
        self.assertIn(f"Exec={module['on-click']}\n",
                      (ROOT / "contrib/window/data/org.virtsession.Window.desktop.in").read_text(encoding="utf-8"))
        host = self.host()
        folder = host.folder / ".config/waybar"
        folder.mkdir(parents=True)
        (folder / "bar-module.py").symlink_to(EXAMPLES / "bar-module.py")
        host.run("virtsessionctl start web")
        program = subprocess.Popen(["sh", "-c", f"exec {module['exec']}"], env=host.environment, stdout=subprocess.PIPE,
                                   text=True)
        try:
            self.assertEqual(json.loads(program.stdout.readline())["text"], "1 running")
        finally:
            program.kill()
            program.wait()
            program.stdout.close()

    def test_quadlet(self):
        text = (EXAMPLES / "app.container").read_text(encoding="utf-8")
        given = settings(text)
        container = {key for section, key, _ in given if section == "Container"}
        self.assertIn("Image", container)
        self.assertLessEqual(container, CONTAINER_KEYS)
        host = self.host()
        before = [value for section, key, value in given if (section, key) == ("Service", "ExecStartPre")]
        self.assertEqual(self.state(host, "db"), "shut-off")
        for line in before:
            status, output = host.run(line)
            self.assertEqual(status, 0, output)
        self.assertEqual(self.state(host, "db"), "running")
        # Quadlet makes such a service of it, with a long ExecStart of podman's.
        service = text.replace("[Container]", "[X-Container]").replace("[Service]", "[Service]\nExecStart=/bin/true")
        self.verify(host, {"app.service": service, "virtsessiond.service": "[Service]\nExecStart=/bin/true\n"})

    def test_metrics(self):
        names = ("virtsession-metrics.service", "virtsession-metrics.timer")
        units = {name: (EXAMPLES / "monitoring" / name).read_text(encoding="utf-8") for name in names}
        host = self.host()
        self.verify(host, units)
        line = next(value for _, key, value in settings(units[names[0]]) if key == "ExecStart")
        line = line.replace("/var/lib/prometheus/node-exporter", str(host.folder)).replace("%u", "alice")
        status, output = host.run(line)
        self.assertEqual(status, 0, output)
        # The collector reads what ends with .prom.
        self.assertIn('virtsession_vms{user="', (host.folder / "virtsession-alice.prom").read_text(encoding="utf-8"))

    def test_ansible(self):
        """By the real program; but for what needs root and the user's systemd."""
        host = self.host()
        user = pwd.getpwuid(os.geteuid()).pw_name
        variables = {"ansible_become": False, "ansible_connection": "local", "vm_user": user,
                     "ansible_python_interpreter": "/usr/bin/python3", "vm_runtime_dir": host.environment["XDG_RUNTIME_DIR"]}

        def play(**more):
            status, output = host.run("ANSIBLE_NOCOLOR=1 ansible-playbook --inventory localhost, --skip-tags services "
                                      f"--extra-vars '{json.dumps({**variables, **more})}' {EXAMPLES}/ansible.yml")
            recap = re.search(r"changed=(\d+) .*failed=(\d+)", output)
            self.assertTrue(recap, output)
            return status, int(recap[1]), output

        status, changed, output = play()
        self.assertEqual((status, changed), (0, 2), output)
        self.assertEqual(host.run("virtsessionctl show web --property Autostart")[1].strip(), "true")
        policy = json.loads(host.run("virtsessionctl policy web --json")[1])["policy_overrides"]
        self.assertEqual(policy, {"restart": "on-failure", "start_ready": "agent"})
        status, changed, output = play()
        self.assertEqual((status, changed), (0, 0), output)
        status, _, output = play(vm="wbe")
        self.assertNotEqual(status, 0)
        self.assertIn("no VM has the name or uuid", output)
        syntax = host.run(f"ansible-playbook --syntax-check --inventory localhost, {EXAMPLES}/ansible.yml")
        self.assertEqual(syntax[0], 0, syntax[1])


if __name__ == "__main__":
    PROGRAMS.update({pathlib.Path(path).name: pathlib.Path(path).resolve() for path in sys.argv[1:4]})
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
