#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Lists the VMs, starts one, and returns when it runs.   start-vm.sh VM
set -eu
service=org.virtsession.Supervisor1
manager() { busctl --user call $service /org/virtsession/Supervisor1 $service.Manager "$@"; }

# a(ossss) 2 "PATH" "UUID" "NAME" "STATE" "PHASE" ...
list() { manager ListVMs 'a{sv}' 0 | cut -d' ' -f3- | xargs -r -n 5 printf '%.0s%.0s%-20s %-12s %s\n'; }

list
[ $# -eq 1 ] || exit 0
vm=$(manager GetVM 'sa{sv}' "$1" 0)  # o "PATH"
vm=${vm#*\"}
vm=${vm%\"}
# Start answers when the VM runs or has failed: give it more time than the usual 25 s.
busctl --user --timeout=5min call $service "$vm" $service.VM Start 'a{sv}' 0
echo
list
