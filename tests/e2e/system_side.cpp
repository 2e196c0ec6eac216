// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/system_side.hpp"

#include "e2e/ctl.hpp"

#include <algorithm>
#include <stdexcept>

namespace virtsession::test {
namespace {

constexpr const char* kUuid = "9f0a2c6e-7d51-4f0b-8a35-5b8c1d2e3f40";
constexpr const char* kConsole = "/srv/console/win.log";
constexpr const char* kPackages = "/var/lib/guests/system-libvirt";
constexpr std::chrono::minutes kUefi{3};  // until an emulated one has started its guest

std::string disk(const std::string& file, const std::string& target) {
  return "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/" +
         file + "'/><target dev='" + target + "' bus='virtio'/></disk>";
}

}  // namespace

SystemSide::SystemSide(Desktop& desktop) : desktop_(desktop) {
  auto& host = desktop_.host();
  host.put({std::string(VIRTSESSION_TESTS) + "/host/system-libvirt"}, "/root/");
  host.must_exec({"/root/system-libvirt", "install", kPackages}, {.timeout = std::chrono::minutes(3)});
  // The user's libvirt and the system's write to one file in turn.
  host.must_exec({"mkdir", "-p", "-m", "1777", "/srv/console"});
}

void SystemSide::allow_user() { desktop_.host().must_exec({"usermod", "-aG", "libvirt", kUser}); }

std::string SystemSide::virsh(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"virsh", "--quiet", "-c", "qemu:///system"});
  return desktop_.host().must_exec(arguments);
}

void SystemSide::define(const std::string& state) {
  const std::string guests(Host::kGuests);
  const auto xml =
      "<domain type='qemu'><name>" + std::string(kVm) + "</name><uuid>" + kUuid +
      "</uuid><memory unit='MiB'>256</memory><os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><firmware>"
      "<feature enabled='no' name='secure-boot'/></firmware><loader stateless='no'/><kernel>" +
      guests + "/kernel-efi</kernel><initrd>" + guests +
      "/guest.cpio.gz</initrd><cmdline>console=ttyS0 quiet no_timer_check guest.name=win guest.disks " + state +
      "</cmdline></os><features><acpi/></features><devices>" + disk("win.qcow2", "vda") + disk("data.qcow2", "vdb") +
      "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm><memballoon model='none'/>"
      "<serial type='file'><source path='" +
      kConsole + "' append='on'/></serial></devices></domain>";
  desktop_.host().write_file("/root/win.xml", xml);
  virsh({"define", "/root/win.xml"});
}

void SystemSide::make_vm(bool boot) {
  const auto images = std::string(
      "cd /var/lib/libvirt/images; for name in base data; do truncate -s 20M $name.raw; done;"
      "echo file-one | dd of=base.raw conv=notrunc status=none; echo file-two | dd of=data.raw conv=notrunc "
      "status=none;"
      "dd if=/dev/urandom of=base.raw bs=1M seek=2 count=8 conv=notrunc status=none;"
      "for name in base data; do qemu-img convert -O qcow2 $name.raw $name.qcow2; rm $name.raw; done;"
      "qemu-img create -q -f qcow2 -F qcow2 -b $PWD/base.qcow2 win.qcow2; chmod 600 *.qcow2");
  desktop_.host().must_exec({"sh", "-ec", images});
  define(boot ? "guest.write" : "");
  if (boot) {
    virsh({"start", kVm});
    wait_for_console("guest ready: win");
    virsh({"shutdown", kVm});
    wait_until([&] { return virsh({"domstate", kVm}) == "shut off"; }, kUefi, "win is off");
    define("guest.read");
  } else {
    virsh({"start", kVm, "--paused"});
    virsh({"destroy", kVm});
  }
  virsh({"snapshot-create-as", kVm, "first"});
  virsh({"snapshot-create-as", kVm, "second"});
  virsh({"autostart", kVm});
  forget_console();
}

void SystemSide::wait_for_console(const std::string& text) {
  const auto said = [&] { return desktop_.host().read_file(kConsole).value_or(""); };
  try {
    wait_until([&] { return has(said(), text); }, kUefi, "win says: " + text);
  } catch (const TimedOut& error) {
    throw std::runtime_error(std::string(error.what()) + "; it said:\n" + said());
  }
}

void SystemSide::forget_console() { desktop_.host().must_exec({"rm", "-f", kConsole}); }

std::string SystemSide::sums(const std::string& disks, const std::string& state) {
  const auto command = "{ cd " + disks + " && sha256sum base*.qcow2 data*.qcow2; cd " + state +
                       " && sha256sum nvram/win_VARS.fd; cd " +
                       (disks == "/var/lib/libvirt/images" ? std::string("/var/lib/libvirt/") : std::string()) +
                       "swtpm/" + kUuid + "/tpm2 && sha256sum tpm2-00.permall; } | awk '{ print $2, $1 }'; cd " +
                       disks + " && qemu-img convert -O raw win*.qcow2 /root/win.raw && sha256sum </root/win.raw";
  return desktop_.host().must_exec({"sh", "-ec", command});
}

std::string SystemSide::system_sums() { return sums("/var/lib/libvirt/images", "/var/lib/libvirt/qemu"); }

std::string SystemSide::session_sums() {
  return sums("/home/alice/.local/share/libvirt/images", "/home/alice/.config/libvirt/qemu");
}

std::string SystemSide::where() {
  std::string found;
  for (const std::string side : {"system", "session"}) {
    const auto script = "virsh -q -c qemu:///" + side + " 'list --all --name; list --all --name --autostart'";
    const std::vector<std::string> command{"sh", "-ec", script};
    const auto listed = side == "system" ? desktop_.host().must_exec(command) : desktop_.run(command);
    const auto first = listed.find(kVm);
    if (first == std::string::npos) continue;
    const bool marked = listed.find(kVm, first + 1) != std::string::npos;
    found += (found.empty() ? "" : ", ") + side + (marked ? " marked" : "");
  }
  return found;
}

}  // namespace virtsession::test
