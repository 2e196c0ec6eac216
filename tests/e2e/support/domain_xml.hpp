// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace virtsession::test {

/// What is in a domain, see tests/guest/build-guest.
enum class System {
  obedient,  ///< Linux that powers off on the power button
  stubborn,  ///< Linux that ignores it
  agent,     ///< as obedient, with the guest agent and a channel for it
  ssh,       ///< as obedient, with an sshd, where root logs in with the key Host::kGuests/ssh-key
  none,      ///< firmware only: starts at once, ignores the power button, and cannot do or say anything
};

/// Makes a port of the guest (guest.listen=PORT) answer on the host's 127.0.0.1.
struct PortForward {
  std::uint16_t host_port = 0;
  std::uint16_t guest_port = 0;
};

/// A domain of emulated (TCG) hardware, to be filled in with designated initializers:
/// `DomainXml{.name = "a", .system = System::stubborn, .policy = R"({"start_order": 1})"}`.
struct DomainXml {
  std::string name;
  System system = System::obedient;
  /// Libvirt makes one up if it is empty.
  std::string uuid{};
  std::string title{};
  /// JSON of virtsession's policy, stored as the domain's metadata; none if empty.
  std::string policy{};
  /// More of the kernel command line, such as "guest.tick guest.exit=5"; see tests/guest/init. guest.name is the name.
  std::string kernel_arguments{};
  /// 0 is as little as the system needs.
  unsigned memory_mib = 0;
  std::string on_poweroff = "destroy";
  std::string on_reboot = "restart";
  std::string on_crash = "destroy";
  /// With it, and with guest.panic, libvirt learns of a panic and does what on_crash says.
  bool has_panic_device = false;
  /// Adds a network card in QEMU's user networking.
  std::optional<PortForward> port_forward{};
  /// A raw image, inside the host, to attach as a virtio disk.
  std::string disk{};
  /// A file inside the host that the console is appended to, so that it tells of all starts. None if empty.
  std::string console{};
  /// More XML for <devices>.
  std::string devices{};
  /// More XML for the domain itself.
  std::string elements{};

  /// The XML for `virsh define`.
  std::string text() const;
};

}  // namespace virtsession::test
