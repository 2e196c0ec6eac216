# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop of the test's own: an X server without a screen, a session bus, an accessibility bus, the real virtsessiond
with VMs of libvirt's test driver, and the window, which is read as a screen reader reads it and driven over the bus."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from screenshot import save_screen  # noqa: E402
from session import APP, Session, Started, start_display  # noqa: E402
from waiting import DEADLINE, wait_until  # noqa: E402

DAEMON = "org.virtsession.Supervisor1"

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen><servicedir>{folder}/services</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""

DOMAIN = """<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name>
<uuid>{uuid}</uuid>{more}<memory>1024</memory><os><type>hvm</type></os>
<test:runstate>{state}</test:runstate></domain>
"""


def uuid_of(number):
    return f"{number:08x}-2222-3333-4444-555555555555"


CRASHED = 6  # libvirt's number for it


def domain(number, name, running, title="", policy="", state=None):
    """A domain of libvirt's test driver; policy is the JSON that it carries, state one of libvirt's numbers."""
    more = f"<title>{title}</title>" if title else ""
    if policy:
        more += f"<metadata><v:policy xmlns:v='https://virtsession.org/policy/1'>{policy}</v:policy></metadata>"
    return DOMAIN.format(name=name, uuid=uuid_of(number), more=more, state=state or (1 if running else 5))


class Desk(Session):
    def __init__(self, programs, size=(1024, 900), scale=1):
        """programs: virtsessiond, virtsessionctl, virtsession-window, the folders of schema, icons and translations."""
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="virtsession-window-")
        self.size = size
        self.processes = []
        self.daemon = None
        self.window = None
        self.launcher = None
        for name in ("services", "run", "config", "state", "cache", "fb", "data/virtsession"):
            os.makedirs(os.path.join(self.folder, name))
        os.chmod(os.path.join(self.folder, "run"), 0o700)
        shutil.copy(programs["schema"], os.path.join(self.folder, "data/virtsession/config.schema.json"))
        self._install_icons()
        self._write_settings()
        self.environment = dict(os.environ)
        self.environment.update(self.look())
        self.environment.update({
            "HOME": self.folder, "XDG_RUNTIME_DIR": self.folder + "/run", "XDG_CONFIG_HOME": self.folder + "/config",
            "XDG_STATE_HOME": self.folder + "/state", "XDG_CACHE_HOME": self.folder + "/cache",
            "XDG_DATA_DIRS": self.folder + "/data:/usr/share", "GDK_SCALE": str(scale), "LIBVIRT_AUTOSTART": "0",
            # There is no system's libvirt here: what it said once. The real one is in tests/e2e.
            "VIRTSESSION_MOVE_PROGRAM": os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded_move.py"),
            "RECORDED_MOVE_FOLDER": self.folder})
        for name in ("AT_SPI_BUS_ADDRESS", "LANGUAGE", "DISPLAY", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)
        try:
            self._start_display(scale)
            self._start_bus()
        except Exception:
            self.close()
            raise

    @staticmethod
    def look():
        """What makes every run of the window look and speak the same."""
        return {"GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GTK_A11Y": "atspi", "GSETTINGS_BACKEND": "memory",
                "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_AT_BRIDGE": "0", "GTK_USE_PORTAL": "0",
                "ADW_DISABLE_PORTAL": "1"}

    def _write_settings(self):
        """GNOME's own, which its session would say: one button at the window, and its letters."""
        os.makedirs(self.folder + "/config/gtk-4.0")
        with open(self.folder + "/config/gtk-4.0/settings.ini", "w", encoding="utf-8") as settings:
            settings.write("[Settings]\ngtk-decoration-layout=:close\ngtk-font-name=Cantarell 11\n")

    def _install_icons(self):
        for kind, name in (("scalable", "org.virtsession.Window.svg"), ("symbolic", "org.virtsession.Window-symbolic.svg")):
            folder = os.path.join(self.folder, "data/icons/hicolor", kind, "apps")
            os.makedirs(folder)
            shutil.copy(os.path.join(self.programs["icons"], name), folder)

    def _start(self, command, **more):
        process = subprocess.Popen(command, env=self.environment, **more)
        self.processes.append(process)
        return process

    def _start_display(self, scale):
        width, height = (side * scale for side in self.size)
        process, self.environment["DISPLAY"] = start_display(self.environment, width, height, "-fbdir", self.folder + "/fb")
        self.processes.append(process)

    def _start_bus(self):
        with open(self.folder + "/bus.conf", "w", encoding="utf-8") as config:
            config.write(BUS_CONFIG.format(folder=self.folder))
        bus = self._start(["dbus-daemon", "--config-file=" + self.folder + "/bus.conf", "--print-address=1", "--nofork",
                           "--nopidfile"], stdout=subprocess.PIPE, text=True)
        address = bus.stdout.readline().strip()
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        # It has processes of its own, which outlive it: they hold no pipe of the test's, and end with their group.
        self.launcher = self._start(["/usr/libexec/at-spi-bus-launcher", "--launch-immediately"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.connect(address)
        wait_until(lambda: self.has_owner("org.a11y.Bus"), "the accessibility bus")
        self.connect_reader()

    # virtsessiond and its VMs

    def define(self, domains):
        with open(self.folder + "/node.xml", "w", encoding="utf-8") as node:
            node.write("<node>\n" + "".join(domains) + "</node>\n")

    def start_daemon(self, uri=None, state="ready"):
        log = open(self.folder + "/daemon.log", "a", encoding="utf-8")
        self.daemon = self._start([self.programs["virtsessiond"], "--connect",
                                   uri or f"test://{self.folder}/node.xml"], stderr=log)
        log.close()
        wait_until(lambda: self.has_owner("org.virtsession.Supervisor1") and
                   state in (None, self.manager_property("LibvirtState")), "virtsessiond is ready")

    def stop_daemon(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        self.daemon.wait()

    def manager(self, method, arguments=None):
        return self.call("org.virtsession.Supervisor1", "/org/virtsession/Supervisor1",
                         "org.virtsession.Supervisor1.Manager", method,
                         arguments or GLib.Variant("(a{sv})", ({},)))

    def manager_property(self, name):
        return self.call("org.virtsession.Supervisor1", "/org/virtsession/Supervisor1", "org.freedesktop.DBus.Properties",
                         "Get", GLib.Variant("(ss)", ("org.virtsession.Supervisor1.Manager", name)))[0]

    def vm_path(self, number):
        return "/org/virtsession/Supervisor1/vm/_" + uuid_of(number).replace("-", "_")

    def vm(self, number, method, arguments=None):
        return self.call("org.virtsession.Supervisor1", self.vm_path(number), "org.virtsession.Supervisor1.VM", method,
                         arguments or GLib.Variant("(a{sv})", ({},)))

    def vm_property(self, number, name):
        return self.call("org.virtsession.Supervisor1", self.vm_path(number), "org.freedesktop.DBus.Properties", "Get",
                         GLib.Variant("(ss)", ("org.virtsession.Supervisor1.VM", name)))[0]

    # the window

    def start_window(self, *arguments):
        log = open(self.folder + "/window.log", "a", encoding="utf-8")
        self.window = self._start([self.programs["window"], *arguments], stderr=log, stdout=log)
        log.close()
        wait_until(lambda: self.has_owner(APP), "the window's name")
        wait_until(self.frame, "the window")

    def _offer(self, name, command):
        """The bus starts it when somebody wants it."""
        words = " ".join(f"{name}='{value}'" for name, value in self.environment.items() if "'" not in value and
                         "\n" not in value and name.isidentifier() and not name.startswith("BASH_FUNC"))
        with open(self.folder + f"/{name}.sh", "w", encoding="utf-8") as script:
            script.write(f"exec env {words} {command}\n")
        with open(self.folder + f"/services/{name}.service", "w", encoding="utf-8") as service:
            service.write(f"[D-BUS Service]\nName={name}\nExec=/bin/sh {self.folder}/{name}.sh\n")
        self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")

    def offer_window(self):
        self._offer(APP, f"{self.programs['window']} --gapplication-service")

    def offer_daemon(self):
        self._offer(DAEMON, f"{self.programs['virtsessiond']} --connect test://{self.folder}/node.xml")

    def withdraw_daemon(self):
        os.remove(self.folder + f"/services/{DAEMON}.service")
        self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")

    def adopt_daemon(self):
        """The process that the bus has started is the one of this test from then on."""
        self.daemon = Started(self.owner_pid(DAEMON))

    def adopt_window(self):
        """Returns the process that the bus has started, once it has; it is the window from then on"""
        if not self.has_owner(APP):
            return None
        self.window = Started(self.owner_pid(APP))
        return self.frame()

    def private_kib(self):
        """What the window has in memory, alone"""
        with open(f"/proc/{self.window.pid}/smaps_rollup", encoding="utf-8") as maps:
            return sum(int(line.split()[1]) for line in maps if line.startswith("Private_"))

    def change_marks(self, times):
        """Of seven machines in turn."""
        for number in range(times):
            self.vm(number % 7 + 1, "SetAutostart", GLib.Variant("(ba{sv})", (number // 7 % 2 == 0, {})))
        time.sleep(1)  # the plans that follow a change are read, too

    def stop_window(self):
        self.application_action("quit")
        self.window.wait(timeout=DEADLINE)
        with open(self.folder + "/window.log", encoding="utf-8") as log:
            words = log.read()
        assert self.window.returncode == 0, f"the window ended with {self.window.returncode}: {words}"
        os.remove(self.folder + "/window.log")
        return words

    def picture(self, path):
        """What is on the screen, as PNG."""
        save_screen(self.folder + "/fb/Xvfb_screen0", path)

    def close(self):
        if self.launcher:
            os.killpg(self.launcher.pid, signal.SIGKILL)
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
