#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the README shows, done in the window on a throwaway host with real logins and guests: newcomer_on_host.py inside.
host_newcomer.py INSTALLED GUESTS WINDOW SERVICE: what `cmake --install` has made, the guests, and the window with its
service."""

import os
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
USER = "alice"
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>96</memory>
<os><type arch='x86_64' machine='pc'>hvm</type><kernel>/var/lib/guests/kernel</kernel>
<initrd>/var/lib/guests/guest.cpio.gz</initrd>
<cmdline>console=ttyS0 quiet no_timer_check guest.name={name}</cmdline></os><features><acpi/></features>
<devices><interface type='user'><model type='virtio'/><rom enabled='no'/></interface>
<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
"""


def main():
    installed, guests, window, service = sys.argv[1:]
    if "VIRTSESSION_TEST_LOWER" in os.environ:
        sys.exit(77)  # another system, which this window was not built for
    state = tempfile.mkdtemp(prefix="virtsession-window-host-")

    def host(*words, text=None):
        return subprocess.run([TESTS + "/host/host", "--state", state, *words], input=text, text=True, check=True,
                              stdin=None if text else subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.strip()

    def user(*words, text=None):
        return host("user", USER, "--", *words, text=text)
    try:
        host("boot", "--install", installed, "--guests", guests, "--owner", str(os.getpid()))
        host("add-user", USER)
        host("put", window, "/usr/local/bin/")
        host("exec", "--", "mkdir", "-p", "/usr/local/share/dbus-1/services")
        host("put", service, "/usr/local/share/dbus-1/services/")
        host("put", TESTS + "/window", "/srv/")
        host("login", USER)
        for name in ("web", "db"):
            user("sh", "-c", f"cat >{name}.xml && virsh -q -c qemu:///session define {name}.xml",
                 text=DOMAIN.format(name=name))
        user("/srv/window/newcomer_on_host.py")
        words = user("virsh", "-q", "-c", "qemu:///session", "list", "--all", "--autostart")
        assert words.split() == ["-", "db", "shut", "off", "-", "web", "shut", "off"], words
        assert user("systemctl", "--user", "is-enabled", "virtsessiond") == "enabled"
        words = user("virsh", "-q", "-c", "qemu:///session", "list", "--all", "--with-managed-save")
        assert words.split()[1:] == ["db", "shut", "off"], words
        words = user("virtsessionctl", "policy", "web")
        assert "start_after" in words, words
    finally:
        host("destroy")


main()
