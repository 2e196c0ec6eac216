// SPDX-License-Identifier: LGPL-2.1-or-later
// Run at configure time: prints which daemon this libvirt's client library reaches for in session mode when no socket is
// there (a compiled-in choice that nothing else tells). The caller sets LIBVIRT_AUTOSTART=0 and an empty
// XDG_RUNTIME_DIR; the error of the attempt names the socket.
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

static void keep_quiet(void* data, virErrorPtr error) {
  (void)data;
  (void)error;
}

int main(void) {
  virSetErrorFunc(NULL, keep_quiet);
  virConnectPtr connection = virConnectOpen("qemu:///session");
  if (connection) {
    virConnectClose(connection);
    return 1;
  }
  const char* message = virGetLastErrorMessage();
  puts(message && strstr(message, "virtqemud-sock") ? "virtqemud" : "libvirtd");
  return 0;
}
