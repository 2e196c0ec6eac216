#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows virtsession at work on any Debian machine, in a throwaway host of its own: a user logs in, three marked guests
# start in their order, one is killed and comes back. Needs root; leaves nothing behind but the packages and ./build.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "demo.sh: needs root (namespaces and mounts)" >&2; exit 77; }

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
state=$(mktemp -d /var/tmp/virtsession-demo.XXXXXX)
host() { tests/host/host --state "$state" "$@"; }
user() { host user demo -- "$@"; }
trap 'host destroy >/dev/null 2>&1 || true; rm -rf "$state"' EXIT

say "Building"
contrib/install.sh --packages-only
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd-container busybox-static cpio kmod lz4 >/dev/null
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -Wno-dev >/dev/null
cmake --build build/demo
DESTDIR=$PWD/build/demo/installed cmake --install build/demo >/dev/null
tests/guest/build-guest build/demo/guests >/dev/null

say "A host boots, with virtsession installed and a user called demo"
host boot --install build/demo/installed --guests build/demo/guests >/dev/null
host add-user demo
host login demo >/dev/null
user systemctl --user enable --now virtsessiond

say "Three guests: db (order 10), app (after db), web (after app); web is restarted when it crashes"
define() {  # name, policy
  local xml
  xml=$(cat <<XML
<domain type='qemu'><name>$1</name>
 <metadata><v:policy xmlns:v="https://virtsession.org/policy/1">$2</v:policy></metadata>
 <memory unit='MiB'>96</memory>
 <os><type arch='x86_64' machine='pc'>hvm</type><kernel>/var/lib/guests/kernel</kernel><initrd>/var/lib/guests/guest.cpio.gz</initrd>
  <cmdline>console=ttyS0 quiet guest.name=$1</cmdline></os>
 <features><acpi/></features>
 <devices><serial type='file'><source path='/home/demo/$1.console' append='on'/></serial></devices>
</domain>
XML
)
  user sh -c "cat > ~/$1.xml && virsh -q -c qemu:///session define ~/$1.xml && virsh -q -c qemu:///session autostart $1" <<<"$xml"
}
define db '{"start_order": 10, "start_ready": "delay", "start_ready_delay_sec": 3}'
define app '{"start_order": 10, "start_after": ["db"], "start_ready": "delay", "start_ready_delay_sec": 3}'
define web '{"start_order": 20, "start_after": ["app"], "restart": "on-failure"}'

manager() {
  user busctl --user call org.virtsession.Supervisor1 /org/virtsession/Supervisor1 org.virtsession.Supervisor1.Manager "$@"
}
until manager ListVMs 'a{sv}' 0 | grep -q '"web"'; do sleep 0.2; done
say "What would happen at login (PlanStart)"
manager PlanStart 'a{sv}' 0

say "The user logs out, and in again"
host logout demo
host wait-user-stopped demo
host login demo >/dev/null
until user sh -c 'grep -qs "guest ready" ~/web.console'; do sleep 0.2; done
user journalctl --user --unit=virtsessiond --output=cat --boot | grep '^VM' | tail -n 20

say "QEMU of web is killed, and restarted by its policy"
# shellcheck disable=SC2016  # expanded in the session
user sh -c 'kill -9 $(cat $XDG_RUNTIME_DIR/libvirt/qemu/run/web.pid)'
until [ "$(user grep -c "guest ready" web.console 2>/dev/null || user sh -c 'grep -c "guest ready" ~/web.console')" = 2 ]; do sleep 0.2; done
manager History 'sa{sv}' web 0 | tr -s ' ' | sed 's/ \([0-9]\{16\}\) /\n\1 /g'

say "What runs, as systemd and virsh see it"
user systemctl --user --no-pager status virtsessiond | head -n 8
user virsh -c qemu:///session list --all
