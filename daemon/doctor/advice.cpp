// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/advice.hpp"

#include "doctor/words.hpp"

namespace virtsession {
namespace {

bool says(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

Advice advice_on(std::string_view words, Distribution distribution) {
  const bool is_path = says(words, "socket path") || says(words, "unix path");
  if (is_path && says(words, "too long"))
    return {
        "a socket's path may have 107 bytes, and that of this VM is made of the home folder and its name: give it "
        "a shorter name (virsh -c qemu:///session domrename)",
        ""};
  if (says(words, "swtpm") || says(words, "TPM version") || says(words, "TPM model"))
    return {"its TPM is emulated by swtpm, which is missing or too old",
            install_command(distribution, {"swtpm swtpm-tools", "swtpm swtpm-tools", "swtpm"})};
  if (says(words, "USB device") || says(words, "/sys/bus/usb"))
    return {"plug the device in; with <source startupPolicy='optional'> in its definition the VM starts without it", "",
            true};
  if (says(words, "virtiofs"))
    return {
        "virtiofs works in a session from libvirt 10.0 on; until then 9p (<filesystem type='mount'> without a "
        "<driver type='virtiofs'/>) shares a folder",
        "", true};
  if (says(words, "core file size")) return {"see limit-qemu-conf", ""};
  return {};
}

}  // namespace virtsession
