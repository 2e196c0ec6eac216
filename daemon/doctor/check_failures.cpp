// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace virtsession {
namespace {

struct Advice {
  std::string text;  ///< what helps
  std::string fix;   ///< a command, where one does
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What helps against failures that libvirt and QEMU tell in these words. Empty for all others.
Advice advice_for(const std::string& words, const CheckedVm& checked, const Picture& picture) {
  const std::string edit = virsh_command("edit", checked.vm.name);
  if (has(words, "UNIX socket path") || has(words, "socket path") || has(words, "unix path"))
    if (has(words, "too long"))
      return {
          "a socket's path may have 107 bytes, and that of this VM is made of the home folder and its name: give it a "
          "shorter name (virsh -c qemu:///session domrename)",
          ""};
  if (has(words, "swtpm") || has(words, "TPM version") || has(words, "TPM model"))
    return {"its TPM is emulated by swtpm, which is missing or too old",
            install_command(picture.facts.machine.distribution, {"swtpm swtpm-tools", "swtpm swtpm-tools", "swtpm"})};
  if (has(words, "USB device"))
    return {"plug the device in; with <source startupPolicy='optional'> in its definition the VM starts without it",
            edit};
  if (has(words, "virtiofs"))
    return {
        "virtiofs works in a session from libvirt 10.0 on; until then 9p (<filesystem type='mount'> without a "
        "<driver type='virtiofs'/>) shares a folder",
        edit};
  if (has(words, "core file size")) return {"see limit-qemu-conf", ""};
  return {};
}

}  // namespace

void check_failures(const Picture& picture, Report& report) {
  bool failed = false;
  for (const auto& checked : picture.vms) {
    const auto& vm = checked.vm;
    if (vm.active || (!vm.gave_up && vm.last_error.empty())) continue;
    failed = true;
    auto advice = advice_for(vm.last_error, checked, picture);
    std::string text = vm.gave_up ? "virtsession gave up starting it" : "it is off because of an error";
    if (!vm.last_error.empty()) text += ": " + vm.last_error;
    if (!advice.text.empty()) text += "; " + advice.text;
    report.add("vm-failed", Severity::problem, vm.name, text, advice.fix);
  }
  if (!failed && picture.facts.supervised) report.ok("vm-failed", "no VM gave up, or is off because of an error");
  if (!failed && !picture.facts.supervised)
    report.ok("vm-failed", "whether a VM failed to start is known by virtsessiond, which was not asked");
}

}  // namespace virtsession
