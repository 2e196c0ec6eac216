#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows virtsession at work on any Debian machine, in a throwaway host of its own: a user logs in and three guests start
# in their order, one is killed and comes back, and a logout shuts them down. Needs root; leaves nothing behind but the
# packages and ./build.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "demo.sh: needs root (namespaces and mounts)" >&2; exit 77; }

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
state=$(mktemp -d /var/tmp/virtsession-demo.XXXXXX)
host() { tests/host/host --state "$state" "$@"; }
user() { host user demo -- "$@"; }
# As on a terminal, with the colours that one gets there.
show() {
  printf '\033[2m$ %s\033[0m\n' "$*"
  user env TERM=xterm script --quiet --return --command "stty columns 110; $*" /dev/null | tr -d '\r'
}
trap 'host destroy >/dev/null 2>&1 || true; rm -rf "$state"' EXIT

say "Building"
contrib/install.sh --packages-only
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
  bsdutils busybox-static cpio kmod lz4 systemd-container util-linux-extra >/dev/null
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_UNITY_BUILD=ON -Wno-dev >/dev/null
cmake --build build/demo
DESTDIR=$PWD/build/demo/installed cmake --install build/demo >/dev/null
tests/guest/build-guest build/demo/guests >/dev/null

begun=$SECONDS
say "A host boots, with virtsession installed and a user called demo, who turns it on"
host boot --install build/demo/installed --guests build/demo/guests >/dev/null
host add-user demo
host login demo >/dev/null
show systemctl --user enable --now virtsessiond

say "demo has three guests: db, app (after db) and web (after app); web is to come back when it crashes"
define() {  # name, policy
  user sh -c "cat >~/$1.xml && virsh -q -c qemu:///session define ~/$1.xml" <<XML
<domain type='qemu'><name>$1</name>
 <metadata><v:policy xmlns:v="https://virtsession.org/policy/1">$2</v:policy></metadata>
 <memory unit='MiB'>96</memory>
 <os><type arch='x86_64' machine='pc'>hvm</type><kernel>/var/lib/guests/kernel</kernel>
  <initrd>/var/lib/guests/guest.cpio.gz</initrd><cmdline>console=ttyS0 quiet guest.name=$1</cmdline></os>
 <features><acpi/></features>
 <devices><serial type='file'><source path='/home/demo/$1.console' append='on'/></serial></devices>
</domain>
XML
}
define db '{"start_ready": "delay", "start_ready_delay_sec": 3}'
define app '{"start_after": ["db"], "start_ready": "delay", "start_ready_delay_sec": 3}'
define web '{}'
until [ "$(user virtsessionctl list --quiet | wc -l)" = 3 ]; do sleep 0.2; done
show virtsessionctl
show virtsessionctl policy web start_after=app restart=on-failure
show virtsessionctl enable db app web
show virtsessionctl plan

say "demo logs out, and in again: they start"
host logout demo
host wait-user-stopped demo
host login demo >/dev/null
booted() { user sh -c "grep -cs 'guest ready' ~/$1.console" || true; }
until [ "$(booted web)" = 1 ]; do sleep 0.2; done
show virtsessionctl

say "QEMU of web is killed, and web comes back"
# shellcheck disable=SC2016  # expanded in the session
show 'kill -9 $(cat $XDG_RUNTIME_DIR/libvirt/qemu/run/web.pid)'
until [ "$(booted web)" = 2 ]; do sleep 0.2; done
show virtsessionctl history web

say "What a logout will do, in the time that systemd gives"
show virtsessionctl plan stop

say "demo logs out: the guests are shut down in the reverse order, before the user manager ends"
host logout demo
host wait-user-stopped demo
host journal --output=cat _SYSTEMD_USER_UNIT=virtsessiond.service --grep='^(VM|Stopping)' | tail -n 8
for guest in web app db; do echo "$guest: $(host exec -- tail -n 1 "/home/demo/$guest.console" | tr -d '\r')"; done

say "That took $((SECONDS - begun)) s"
