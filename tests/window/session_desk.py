# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window in a user's real session, with the session's bus and the virtsessiond and libvirt that are there."""

import os
import shutil
import tempfile

from desk import Desk, wait_until  # pylint: disable=wrong-import-order

from gi.repository import Atspi, Gio  # noqa: E402


class SessionDesk(Desk):
    def __init__(self, window, icons, size=(1024, 900)):  # pylint: disable=super-init-not-called
        self.programs = {"window": window, "icons": icons}
        self.folder = tempfile.mkdtemp(prefix="virtsession-window-")
        self.size = size
        self.processes = []
        self.daemon = None
        self.window = None
        os.makedirs(self.folder + "/fb")
        self.environment = dict(os.environ)
        self.environment.update(self.look())
        self._start_display(1)
        os.environ["DISPLAY"] = self.environment["DISPLAY"]
        self._start(["/usr/libexec/at-spi-bus-launcher", "--launch-immediately"])
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        wait_until(lambda: self.has_owner("org.a11y.Bus"), "the accessibility bus")
        Atspi.init()

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
