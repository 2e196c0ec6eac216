// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"
#include "doctor/gather.hpp"
#include "doctor/process_table.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The parts of gather_facts(), a theme each. All block, some for ever: they run as Bounded. None throws for what the
/// machine is like.
namespace virtsession {

/// Never blocks.
MachineFacts gather_machine(const GatherOptions& options);

UserManagerFacts gather_user_manager(const GatherOptions& options, const MachineFacts& machine);

/// How long the system's manager waits for the user's to stop, which any user may ask. Nothing when it does not answer.
std::optional<std::uint64_t> gather_stop_budget(const GatherOptions& options, const MachineFacts& machine);

/// Whose a device is. Nothing is known of one that is not there.
DeviceGroup read_device_group(const std::string& device, const MachineFacts& machine);

/// Who listens at ports of this machine, and from which on this user may.
struct PortFacts {
  std::vector<PortListener> listeners;
  std::optional<std::uint32_t> first_user_port;
};
PortFacts gather_ports(const GatherOptions& options);
/// What comes of connections to ports that lead to a guest now. \param facts with VMs, QEMUs and listeners
std::vector<ForwardFacts> gather_forwards(const DoctorFacts& facts, std::chrono::milliseconds limit);

VsockFacts gather_vsock(const GatherOptions& options, const MachineFacts& machine);

KvmFacts gather_kvm(const GatherOptions& options, const MachineFacts& machine);

/// \param qemu path of this machine's QEMU, or empty
NetworkFacts gather_network(const GatherOptions& options, const std::string& qemu);

/// All but the system's libvirt.
UriFacts gather_uri(const GatherOptions& options);
/// Who to ask, and whether; the answer is still to come from ask_system_libvirt().
SystemLibvirtFacts find_system_libvirt(const GatherOptions& options, const std::vector<ProcessInfo>& processes);
/// Read-only and without a password. \param uri of the libvirt that find_system_libvirt() found
SystemLibvirtFacts ask_system_libvirt(SystemLibvirtFacts found, const std::string& uri);

LimitFacts gather_limits(const GatherOptions& options, const MachineFacts& machine, pid_t daemon);

/// Sockets and daemons, without asking them.
LibvirtFacts gather_libvirt(const GatherOptions& options, const MachineFacts& machine,
                            const std::vector<ProcessInfo>& processes);

std::vector<OtherUsersVm> find_vms_of_others(const MachineFacts& machine, const std::vector<ProcessInfo>& processes);
std::vector<QemuProcess> gather_qemus(const MachineFacts& machine, const std::vector<ProcessInfo>& processes);

/// This machine's QEMU, or empty.
std::string find_qemu(const GatherOptions& options);

/// What libvirt says of its domains.
struct DomainsAnswer {
  bool answered = false;
  std::string error;
  unsigned long version = 0;
  std::vector<DomainFacts> domains;
  std::vector<UnlistedDefinition> unlisted;
};
/// \param definitions paths of those that there are, before libvirt was asked
DomainsAnswer ask_libvirt(const std::string& uri, const std::vector<std::string>& definitions);

/// Of the client library.
unsigned long library_version();

/// The domains in libvirt's files: definitions, and what it notes of those that run.
std::vector<DomainFacts> read_domain_files(const GatherOptions& options);

/// Paths of the files of definitions, whatever is in them.
std::vector<std::string> find_definitions(const GatherOptions& options);

std::vector<SessionNetwork> gather_session_networks(const GatherOptions& options);

std::vector<SaveFacts> gather_saves(const GatherOptions& options);

/// The policy defaults of virtsession's configuration; the built-in ones when it cannot be used.
Policy read_policy_defaults(const GatherOptions& options);

/// The disks of a domain that services of this user serve, by the images' file systems and the sockets' owners.
std::vector<ServedDisk> find_served_disks(const DomainFacts& domain);

/// Looks at the files of the images; a path that hangs becomes `too_late`. \param images of all domains
/// \return the exceptions that ended looks
std::vector<std::string> gather_images(std::vector<ImageFacts*> images, const GatherOptions& options);

}  // namespace virtsession
