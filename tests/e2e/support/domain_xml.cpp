// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_xml.hpp"

#include "host.hpp"

#include <string_view>

namespace virtsession::test {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '\'':
        result += "&apos;";
        break;
      default:
        result += character;
    }
  }
  return result;
}

std::string element(std::string_view name, std::string_view content) {
  if (content.empty()) {
    return {};
  }
  return "<" + std::string(name) + ">" + escaped(content) + "</" + std::string(name) + ">\n";
}

std::string_view initramfs_of(System system) {
  switch (system) {
    case System::obedient:
      return "guest.cpio.gz";
    case System::stubborn:
      return "guest-stubborn.cpio.gz";
    case System::agent:
      return "guest-agent.cpio.gz";
    case System::ssh:
      return "guest-ssh.cpio.gz";
    case System::none:
      return "";
  }
  return "";
}

/// The least that was seen to boot, and some more: with 64 MiB the kernel does not come up.
unsigned memory_of(System system) {
  switch (system) {
    case System::obedient:
    case System::stubborn:
      return 96;
    case System::agent:
    case System::ssh:
      return 128;
    case System::none:
      return 16;
  }
  return 0;
}

std::string operating_system(const DomainXml& domain) {
  if (domain.system == System::none) {
    return "<os><type arch='x86_64' machine='pc'>hvm</type></os>\n";
  }
  const std::string guests(Host::kGuests);
  // Where the machine is busy an emulated timer is late, and the kernel's check of it ends in a panic.
  const std::string kernel = "console=ttyS0 quiet no_timer_check guest.name=" + domain.name;
  return "<os><type arch='x86_64' machine='pc'>hvm</type>\n" + element("kernel", guests + "/kernel") +
         element("initrd", guests + "/" + std::string(initramfs_of(domain.system))) +
         element("cmdline", kernel + " " + domain.kernel_arguments) + "</os>\n";
}

std::string devices_of(const DomainXml& domain) {
  // Without these two libvirt adds what the guests have no use for.
  std::string text = "<memballoon model='none'/>\n";
  if (domain.devices.find("<controller type='usb'") == std::string::npos)
    text += "<controller type='usb' model='none'/>\n";
  if (!domain.console.empty()) {
    text += "<serial type='file'><source path='" + escaped(domain.console) + "' append='on'/></serial>\n";
  }
  if (domain.system == System::agent) {
    text += "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\n";
  }
  if (domain.has_panic_device) {
    text += "<panic model='isa'/>\n";
  }
  if (!domain.disk.empty()) {
    text += "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='" + escaped(domain.disk) +
            "'/><target dev='vda' bus='virtio'/></disk>\n";
  }
  return "<devices>\n" + text + domain.devices + "</devices>\n";
}

/// Libvirt 9.0 can forward ports only through passt; QEMU by itself has always been able to.
std::string qemu_arguments(const DomainXml& domain) {
  if (!domain.port_forward) {
    return {};
  }
  const std::string forward =
      "user,id=forward,hostfwd=tcp:127.0.0.1:" + std::to_string(domain.port_forward->host_port) +
      "-:" + std::to_string(domain.port_forward->guest_port);
  // A slot that libvirt does not come to by itself.
  const std::string card = "virtio-net-pci,netdev=forward,romfile=,addr=0x1a";
  std::string text = "<qemu:commandline>\n";
  for (const std::string& argument : {std::string("-netdev"), forward, std::string("-device"), card}) {
    text += "<qemu:arg value='" + argument + "'/>\n";
  }
  return text + "</qemu:commandline>\n";
}

std::string metadata(const DomainXml& domain) {
  if (domain.policy.empty()) {
    return {};
  }
  return "<metadata><virtsession:policy xmlns:virtsession='https://virtsession.org/policy/1'>" +
         escaped(domain.policy) + "</virtsession:policy></metadata>\n";
}

}  // namespace

std::string DomainXml::text() const {
  return "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n" + element("name", name) +
         element("uuid", uuid) + element("title", title) + metadata(*this) + "<memory unit='MiB'>" +
         std::to_string(memory_mib != 0 ? memory_mib : memory_of(system)) + "</memory>\n" + operating_system(*this) +
         "<features><acpi/></features>\n" + element("on_poweroff", on_poweroff) + element("on_reboot", on_reboot) +
         element("on_crash", on_crash) + elements + devices_of(*this) + qemu_arguments(*this) + "</domain>\n";
}

}  // namespace virtsession::test
