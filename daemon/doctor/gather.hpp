// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// Where the doctor looks. The initialisers are this machine; tests look elsewhere.
struct GatherOptions {
  std::string config_home;       ///< $XDG_CONFIG_HOME
  std::string runtime_dir;       ///< $XDG_RUNTIME_DIR; empty when there is none
  std::string session_bus;       ///< address of the bus with the user manager; empty when there is none
  std::string system_bus;        ///< address of the system's
  std::string libvirt_variable;  ///< $LIBVIRT_DEFAULT_URI
  std::string virsh_variable;    ///< $VIRSH_DEFAULT_CONNECT_URI
  /// LIBVIRT_AUTOSTART=0 is in this process's environment. Without it libvirt is not asked, since its client library
  /// might start a daemon.
  bool libvirt_starts_nothing = false;
  std::string kvm_device = "/dev/kvm";
  std::string tun_device = "/dev/net/tun";
  std::string vsock_device = "/dev/vhost-vsock";
  std::string etc = "/etc";
  std::string sys = "/sys";
  std::string run = "/run";
  std::string linger_folder = "/var/lib/systemd/linger";
  std::string ping_range = "/proc/sys/net/ipv4/ping_group_range";
  std::string first_user_port = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  std::vector<std::string> program_folders{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",    "/usr/bin",
                                           "/sbin",           "/bin",           "/usr/libexec", "/usr/lib/qemu"};
  /// For everything that may block; the whole takes little more than twice as long at most.
  std::chrono::milliseconds limit{3000};
  std::optional<SupervisedFacts> supervised;
};

/// What the environment says, in the first three groups. Best called before there are threads, as getenv(3) asks for.
GatherOptions options_from_environment();

/// The same for a short-lived program. Nothing in it starts a libvirt daemon from now on (LIBVIRT_AUTOSTART=0 is set),
/// so that libvirt may be asked. Before there are threads.
GatherOptions options_that_start_nothing();

/// Looks at everything. Blocks, for seconds at most: what does not answer is given up on, named in `too_late`, and left
/// behind on a thread that ends when it does. Changes nothing, starts no daemon, asks nobody. From any thread, by
/// several at once.
DoctorFacts gather_facts(const GatherOptions& options);

/// Of that, what is judged by the environment of this process: the user, what makes the default URI, and whose folders
/// are the same.
DoctorFacts gather_environment(const GatherOptions& options);

/// Of that, what is found about the system's libvirt.
SystemLibvirtFacts gather_system_libvirt(const GatherOptions& options);

}  // namespace virtsession
