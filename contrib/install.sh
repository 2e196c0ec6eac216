#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs virtsession on Debian 12 or 13 from this source tree, and turns it on for the calling user.
# Run again it upgrades; virtual machines run on.
set -euo pipefail

usage() {
  cat <<'TXT'
Usage: contrib/install.sh [OPTION...]

Installs the packages that are missing, builds, installs, enables and starts virtsession for
the user who calls it (with sudo: the user who called sudo). Run again it upgrades. For root
itself it is only installed: root has no session libvirt.

  --prefix DIR     Install below DIR (default: /usr/local; below the home folder no root is
                   needed for the files)
  --desktop        Take along what a desktop needs: the window, and virtual machines in the search of
                   GNOME and KDE (default where one of them is installed, or it was taken along before)
  --no-desktop     Leave that out, and remove it if it was installed
  --packages-only  Only install the packages that building and running need
  --no-start       Install, but do not enable and start
  --uninstall      Stop and disable it for the user, and remove what was installed; virtual
                   machines, their definitions and the packages stay
  --help           Show this text
TXT
}

# What it is built with, and what runs it. libvirt-daemon brings libvirtd, virtqemud and virtlogd but no system service.
build_packages=(g++ cmake ninja-build pkg-config libsdbus-c++-dev libsdbus-c++-bin libvirt-dev libsystemd-dev
  libxml2-dev nlohmann-json3-dev libspdlog-dev libcli11-dev libfmt-dev python3 scdoc)
desktop_packages=(libgtkmm-4.0-dev libadwaita-1-dev gettext)
run_packages=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils
  dbus-user-session libpam-systemd)

prefix=/usr/local
action=install
start=yes
desktop=auto
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] || { echo "install.sh: --prefix needs a folder" >&2; exit 64; }; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --desktop) desktop=yes ;;
    --no-desktop) desktop=no ;;
    --packages-only) action=packages ;;
    --no-start) start=no ;;
    --uninstall) action=uninstall ;;
    --help) usage; exit 0 ;;
    *) echo "install.sh: unknown option '$1'; see --help" >&2; exit 64 ;;
  esac
  shift
done
case $prefix in
  /*) ;;
  *) echo "install.sh: --prefix needs an absolute path, not '$prefix'" >&2; exit 64 ;;
esac

cd "$(dirname "$0")/.."
source_dir=$PWD
build_dir=$source_dir/build/install
manifest=$build_dir/install_manifest.txt
made_folders=$build_dir/made_folders.txt  # those that were not there before; --uninstall removes them when they are empty

# The user it is for; root calls with sudo mean the user behind it.
user=$(id -un)
[ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && user=$SUDO_USER
uid=$(id -u "$user")
home=$(getent passwd "$user" | cut -d: -f6)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "install.sh: '$*' needs root, and there is no sudo; run this as root, or with --prefix $home/.local" >&2; exit 77
  fi
}
as_user() {
  local session=(env "XDG_RUNTIME_DIR=/run/user/$uid" "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus")
  if [ "$(id -u)" = "$uid" ]; then "${session[@]}" "$@"; else runuser -u "$user" -- "${session[@]}" "$@"; fi
}
as_owner_of_prefix() {
  case $prefix/ in
    "$home"/*) if [ "$(id -u)" = "$uid" ]; then "$@"; else runuser -u "$user" -- "$@"; fi ;;
    *) as_root "$@" ;;
  esac
}
have_user_manager() { as_user systemctl --user show-environment >/dev/null 2>&1; }
say() { printf '\n== %s\n' "$*"; }

was_with_desktop() { [ -f "$manifest" ] && grep -q '/bin/virtsession-window$' "$manifest"; }
is_installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
if [ $desktop = auto ]; then
  desktop=no
  if is_installed gnome-shell || is_installed plasma-workspace || was_with_desktop; then desktop=yes; fi
fi
[ $desktop = no ] || build_packages+=("${desktop_packages[@]}")

not_debian() {
  echo "install.sh: this is not Debian: install what this script lists (build_packages, run_packages) in your system's" \
    "packages, then build with cmake" >&2
  exit 69
}

install_packages() {
  local missing=() package
  for package in "${build_packages[@]}" "${run_packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || not_debian
  say "Installing packages: ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

build() {
  say "Building in ${build_dir#"$source_dir"/}"
  local unit_dir=lib/systemd/user
  case $prefix/ in "$home"/*) unit_dir=share/systemd/user ;; esac
  cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=24 \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DVIRTSESSION_USER_UNIT_DIR="$unit_dir" \
    -DVIRTSESSION_DESKTOP="$([ $desktop = no ] && echo OFF || echo ON)" -Wno-dev
  cmake --build "$build_dir"
}

# Notes which of these folders are not there yet.
note_new() {
  local folder
  for folder in "$@"; do [ -d "$folder" ] || printf '%s\n' "$folder"; done >>"$made_folders"
}

install_files() {
  say "Installing below $prefix"
  local stage=$build_dir/stage before=$manifest.before folders
  [ ! -f "$manifest" ] || as_owner_of_prefix cp "$manifest" "$before"
  as_owner_of_prefix rm -rf "$stage"
  as_owner_of_prefix env DESTDIR="$stage" cmake --install "$build_dir" >/dev/null
  mapfile -t folders < <(find "$stage" -mindepth 1 -type d -printf '/%P\n')
  as_owner_of_prefix rm -rf "$stage"
  note_new "${folders[@]}"
  as_owner_of_prefix cmake --install "$build_dir" | grep -v Up-to-date || true
  [ -f "$before" ] || return 0
  # What was installed and is no part of it any more.
  { grep -vxFf "$manifest" "$before" || true; } | as_owner_of_prefix xargs -r -d '\n' rm -fv
  as_owner_of_prefix rm -f "$before"
}

no_user_manager() {
  cat <<TXT

virtsession is installed, but no systemd user manager of $user answers here (a container, or no
login session), so it cannot be started. Log in as $user on a machine that runs systemd, then:
  systemctl --user enable --now virtsessiond
To see it work on this machine: contrib/demo.sh (as root; it boots a throwaway host).
TXT
}

no_session_of_root() {
  cat <<'TXT'

virtsession is installed. It is not turned on for root, who has no session libvirt: qemu:///session of root
is the system's. It is for the other users, each with VMs of their own.
TXT
}

turn_on() {
  [ "$uid" != 0 ] || { no_session_of_root; return 0; }
  have_user_manager || { no_user_manager; return 0; }
  say "Starting it for $user"
  as_user systemctl --user daemon-reload
  as_user busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig >/dev/null
  # The sockets first: from then on every libvirt client of the user finds the managed daemon.
  note_new "$home/.config" "$home/.config/systemd" "$home/.config/systemd/user"
  as_user systemctl --user enable virtsessiond.service
  as_user systemctl --user start sockets.target
  local socket
  for socket in $(as_user systemctl --user list-unit-files --state=enabled --no-legend 'virtsession-*.socket' | cut -d' ' -f1); do
    as_user systemctl --user start "$socket"
  done
  as_user systemctl --user restart virtsessiond.service
  show
}

property() {
  as_user busctl --user get-property org.virtsession.Supervisor1 /org/virtsession/Supervisor1 \
    org.virtsession.Supervisor1.Manager "$1" 2>/dev/null | cut -d'"' -f2
}

show() {
  local waited=0
  until [ "$(property LibvirtState)" = ready ] || [ $waited -ge 150 ]; do sleep 0.2; waited=$((waited + 1)); done
  say "It runs"
  as_user systemctl --user --no-pager --lines=0 status virtsessiond.service || true
  as_user "$prefix/bin/virtsessionctl" || true
  if [ "$(property LibvirtState)" != ready ]; then
    echo "install.sh: libvirt is not ready: $(property LibvirtReason)" >&2
    exit 1
  fi
  cat <<TXT

See how it goes at any time:  virtsessionctl      and all that it can do:  virtsessionctl help
TXT
  [ $desktop = no ] || echo "Or open \"Virtual Machines\" on your desktop."
}

uninstall() {
  if have_user_manager; then
    say "Stopping it for $user; virtual machines run on"
    as_user systemctl --user disable --now virtsessiond.service 2>/dev/null || true
    as_user systemctl --user stop 'virtsession-*.socket' 'virtsession-*.service' 2>/dev/null || true
  fi
  [ -f "$manifest" ] || { echo "install.sh: no $manifest: nothing of this tree is installed" >&2; exit 1; }
  say "Removing files"
  as_owner_of_prefix xargs -d '\n' rm -fv <"$manifest"
  as_owner_of_prefix rm -f "$manifest"
  if [ -f "$made_folders" ]; then
    sort -ru "$made_folders" | as_owner_of_prefix xargs -d '\n' rmdir --ignore-fail-on-non-empty 2>/dev/null || true
    rm -f "$made_folders"
  fi
  if have_user_manager; then as_user systemctl --user daemon-reload; fi
}

case $action in
  packages) install_packages ;;
  uninstall) uninstall ;;
  install)
    install_packages
    build
    install_files
    if [ "$start" = yes ]; then turn_on; fi
    ;;
esac
