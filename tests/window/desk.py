# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop of the test's own: an X server without a screen, a session bus, an accessibility bus, the real virtsessiond
with VMs of libvirt's test driver, and the window, which is read as a screen reader reads it and driven over the bus.

There is one Desk a process: the library behind Atspi knows one bus."""

import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import gi

gi.require_version("Atspi", "2.0")
gi.require_version("Gio", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

from x11 import Display  # noqa: E402

APP = "org.virtsession.Window"
APP_PATH = "/org/virtsession/Window"
DAEMON = "org.virtsession.Supervisor1"
# What GTK says of a switch and of a button that stays down, which has changed with its versions.
SWITCHES = ("switch", "toggle button", "check box")
ROLES = {"toggle button": ("toggle button", "push button"), "push button": ("push button", "button"),
         "switch": SWITCHES}
DEADLINE = int(os.environ.get("VIRTSESSION_DEADLINE", "60"))  # generous: reached only when a test fails

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


def wait_until(condition, what, at_most=DEADLINE):
    """Calls condition until it returns something true, and returns that."""
    deadline = time.monotonic() + at_most
    while True:
        try:
            result = condition()
        except GLib.Error:  # what was looked at has just gone
            result = None
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.02)


class Started:
    """A process that the bus has started, for what is asked of one that was started here."""

    def __init__(self, pid):
        self.pid = pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def poll(self):
        return None if os.path.exists(f"/proc/{self.pid}") else 0

    def wait(self):
        wait_until(lambda: self.poll() is not None, "the end of a process")


class Desk:
    _display = None

    def __init__(self, programs, size=(1024, 900), scale=1):
        """programs: virtsessiond, virtsessionctl, virtsession-window, the folders of schema, icons and translations."""
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="virtsession-window-")
        self.size = size
        self.processes = []
        self.daemon = None
        self.window = None
        for name in ("services", "run", "config", "state", "cache", "fb", "data/virtsession"):
            os.makedirs(os.path.join(self.folder, name))
        os.chmod(os.path.join(self.folder, "run"), 0o700)
        shutil.copy(programs["schema"], os.path.join(self.folder, "data/virtsession/config.schema.json"))
        self._install_icons()
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
        self._start_display(scale)
        self._start_bus()

    @staticmethod
    def look():
        """What makes every run of the window look and speak the same."""
        return {"GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GTK_A11Y": "atspi", "GSETTINGS_BACKEND": "memory",
                "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_AT_BRIDGE": "0", "GTK_USE_PORTAL": "0",
                "ADW_DISABLE_PORTAL": "1"}

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
        reading, writing = os.pipe()
        width, height = (side * scale for side in self.size)
        self._start(["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-fbdir",
                     self.folder + "/fb", "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as answer:
            self.environment["DISPLAY"] = ":" + answer.readline().strip()

    def _start_bus(self):
        with open(self.folder + "/bus.conf", "w", encoding="utf-8") as config:
            config.write(BUS_CONFIG.format(folder=self.folder))
        bus = self._start(["dbus-daemon", "--config-file=" + self.folder + "/bus.conf", "--print-address=1", "--nofork",
                           "--nopidfile"], stdout=subprocess.PIPE, text=True)
        address = bus.stdout.readline().strip()
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = address
        os.environ["DISPLAY"] = self.environment["DISPLAY"]
        os.environ.pop("AT_SPI_BUS_ADDRESS", None)
        self._start(["/usr/libexec/at-spi-bus-launcher", "--launch-immediately"], stderr=subprocess.DEVNULL)
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        wait_until(lambda: self.has_owner("org.a11y.Bus"), "the accessibility bus")
        Atspi.init()

    def call(self, name, path, interface, method, arguments=None, timeout=60000):
        return self.bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NO_AUTO_START,
                                  timeout, None)

    def has_owner(self, name):
        return self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner",
                         GLib.Variant("(s)", (name,)))[0]

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

    def owner_pid(self, name):
        return self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetConnectionUnixProcessID",
                         GLib.Variant("(s)", (name,)))[0]

    def adopt_window(self):
        """Returns the process that the bus has started, once it has; it is the window from then on"""
        if not self.has_owner(APP):
            return None
        self.window = Started(self.owner_pid(APP))
        return self.frame()

    def stop_window(self):
        self.application_action("quit")
        self.window.wait(timeout=DEADLINE)
        with open(self.folder + "/window.log", encoding="utf-8") as log:
            words = log.read()
        os.remove(self.folder + "/window.log")
        return words

    def application_action(self, name, *parameter):
        self.call(APP, APP_PATH, "org.gtk.Actions", "Activate",
                  GLib.Variant("(sava{sv})", (name, [GLib.Variant("s", one) for one in parameter], {})))

    def window_action(self, name, *parameter):
        self.call(APP, APP_PATH + "/window/1", "org.gtk.Actions", "Activate",
                  GLib.Variant("(sava{sv})", (name, [GLib.Variant("s", one) for one in parameter], {})))

    def application(self):
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child and child.get_process_id() == self.window.pid:
                return child
        return None

    def frame(self):
        application = self.application()
        return application if application and application.get_child_count() > 0 else None

    def walk(self, node=None):
        """All that a screen reader finds, what is shown only."""
        node = node or self.frame()
        if node is None:
            return
        yield node
        for i in range(node.get_child_count()):
            child = node.get_child_at_index(i)
            if child is not None and child.get_state_set().contains(Atspi.StateType.VISIBLE):
                yield from self.walk(child)

    def texts(self):
        texts = []
        for node in self.walk():
            if node.get_name():
                texts.append(node.get_name())
        return texts

    def find(self, name, role=None):
        return next(self.find_all(name, role), None)

    def find_all(self, name, role=None):
        for node in self.walk():
            # GTK 4.8 says the name of a button with a label twice.
            if node.get_name() in (name, f"{name} {name}") and (role is None or node.get_role_name() in ROLES.get(
                    role, (role,))):
                yield node

    def wait_for(self, text, role=None):
        try:
            return wait_until(lambda: self.find(text, role), repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error} in {self.texts()}") from None

    def wait_text(self, part):
        """Some text that has this part."""
        return wait_until(lambda: next((text for text in self.texts() if part in text), None), f"a text with {part!r}")

    def press(self, name, role="push button"):
        # A dialog has its buttons twice, for a wide and for a narrow window: the others have no place.
        wait_until(lambda: any((role == "menu item" or node.get_extents(Atspi.CoordType.WINDOW).width > 0) and
                               node.do_action(0) for node in self.find_all(name, role)), f"{name!r} is pressed")

    def can_be_pressed(self, node):
        return node.get_state_set().contains(Atspi.StateType.SENSITIVE)

    def activate(self, name):
        """A row that leads somewhere, by its title."""
        node = self.wait_for(name, "list item")
        if node.get_n_actions():
            node.do_action(0)
        else:  # GTK 4.8 has none there
            display = self.display()
            display.click(*wait_until(lambda: self._settled(name, "list item"), "the place of " + name))

    def tick(self, name):
        display = self.display()
        display.click(*wait_until(lambda: self._settled(name, "check box"), "the place of " + name))

    def write(self, name, text):
        """Into an entry, with the keyboard."""
        display = self.display()
        display.click(*wait_until(lambda: self._settled(name, "text"), "the place of " + name))
        display.press("Control_L", "a")
        display.press("BackSpace")
        for key in text:
            display.press(key)
        display.press("Return")

    def _settled(self, name, role):
        """The middle of a widget, when it is where it was a moment ago."""
        places = []
        for _ in range(2):
            node = self.find(name, role)
            if not node:
                return None
            places.append(node.get_extents(Atspi.CoordType.WINDOW))
            time.sleep(0.15)
        first, place = places
        if (first.x, first.y, first.width) != (place.x, place.y, place.width) or place.width <= 0:
            return None
        return place.x + place.width // 2, place.y + place.height // 2

    def display(self):
        """The screen, with the window in its corner."""
        if self._display is None:
            self._display = Display(self.environment["DISPLAY"])
        self._display.fill(*(side * int(self.environment.get("GDK_SCALE", 1)) for side in self.size))
        self._display.give_keyboard()
        return self._display

    def focused(self):
        """What the keyboard is on."""
        for node in self.walk():
            if node.get_state_set().contains(Atspi.StateType.FOCUSED):
                return node
        return None

    def controls(self):
        """The names of all that somebody with a mouse can press, turn or write into, by role."""
        roles = ("push button", "toggle button", "switch", "spin button", "text", "combo box", "check box")
        found = set()
        for node in self.walk():
            states = node.get_state_set()
            if node.get_role_name() in roles and all(states.contains(one) for one in (
                    Atspi.StateType.FOCUSABLE, Atspi.StateType.SENSITIVE)):
                found.add(node.get_name())
        return found

    def answer(self, name):
        """A dialog, by one of its buttons. Until it has gone nothing is asked: GTK 4.8 dies of a question about what is
        just going."""
        self.press(name)
        time.sleep(1)

    # pictures

    def picture(self, path):
        """What is on the screen, as PNG."""
        gi.require_version("GdkPixbuf", "2.0")
        from gi.repository import GdkPixbuf  # pylint: disable=import-outside-toplevel
        with open(self.folder + "/fb/Xvfb_screen0", "rb") as file:
            dump = file.read()
        # XWDFileHeader of X11/XWDFile.h: big endian
        header = struct.unpack(">25I", dump[:100])
        begin, width, height, line, colors = header[0], header[4], header[5], header[12], header[19]
        pixels = dump[begin + colors * 12:]
        rows = bytearray()
        for y in range(height):
            row = pixels[y * line:y * line + width * 4]
            out = bytearray(width * 3)
            out[0::3], out[1::3], out[2::3] = row[2::4], row[1::4], row[0::4]
            rows += out
        picture = GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(bytes(rows)), GdkPixbuf.Colorspace.RGB, False, 8, width,
                                                  height, width * 3)
        picture.savev(path, "png", [], [])

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
