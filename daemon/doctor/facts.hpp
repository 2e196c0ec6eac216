// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/policy.hpp"
#include "doctor/forward_probe.hpp"
#include "doctor/supervised_facts.hpp"
#include "util/build_config.hpp"
#include "util/port_listeners.hpp"
#include "util/user_folders.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What the checks look at: plain data, gathered from the machine or written down by a test. A member without a value
/// was not seen: checks say so or say nothing, and never guess.
namespace virtsession {

enum class Distribution { debian, fedora, arch, other };

struct MachineFacts {
  Distribution distribution = Distribution::other;
  uid_t uid = 0;
  std::string user;
  std::string config_home;   ///< $XDG_CONFIG_HOME
  std::string runtime_dir;   ///< $XDG_RUNTIME_DIR; empty when there is none
  std::int64_t now_sec = 0;  ///< seconds since the epoch
  UserFolders folders = {};  ///< of this process
};

/// A unit of the user manager, in systemd's words; see org.freedesktop.systemd1(5).
struct UnitFacts {
  std::string name;
  std::string load_state;  ///< loaded, not-found, masked ...
  std::string active_state;
  std::string result;      ///< of a failed one: exit-code, signal ...
  std::string file_state;  ///< enabled, disabled, static, masked ...; empty when there is no file
  std::string braked;      ///< why it waits for its next start, in its own words; empty when it does not
  std::string last_words;  ///< its program's newest error, of one that is braked or failed; may be empty
};

struct UserManagerFacts {
  std::string error;  ///< why it could not be asked; empty when it was
  std::vector<UnitFacts> units;
  std::optional<bool> linger;
  std::optional<std::uint64_t> stop_budget_usec;  ///< TimeoutStopUSec of user@UID.service
  std::optional<UserFolders> folders;             ///< of what it starts

  /// Null when nothing is known of it.
  const UnitFacts* unit(const std::string& name) const;
};

/// `lost`: somebody listens, and the file is gone, so that nobody reaches it.
enum class SocketState { absent, stale, lost, listening };

struct DaemonSocket {
  std::string daemon;  ///< libvirtd, virtqemud, virtlogd
  std::string path;
  std::optional<SocketState> state;
  pid_t pid = 0;  ///< a libvirt daemon that listens; 0 when there is none, and systemd would start one
};

/// A libvirt daemon of this user.
struct DaemonProcess {
  std::string name;
  pid_t pid = 0;
  std::string unit;           ///< of systemd's, by its cgroup; may be empty
  bool listens_here = false;  ///< at one of the sockets of this session; others belong to a sandbox
  std::optional<UserFolders> folders = {};
};

struct LibvirtFacts {
  /// Which of the two clients use by default here, for which virtsession was built.
  std::string default_daemon{build::kDefaultDaemon};
  std::string libvirtd;  ///< path of the program; empty when it is not installed
  std::string virtqemud;
  std::vector<DaemonSocket> sockets;  ///< in the order in which clients try them; the log daemon's last
  std::vector<DaemonProcess> processes;
  /// How asking the daemon went. `not_running`: nobody runs, and asking would start one.
  enum class Answer { not_running, not_allowed_to_ask, answered, failed, too_late } answer = Answer::not_running;
  std::string error;
  unsigned long version = 0;  ///< of the daemon, or else of the client library; 9.1.2 is 9001002

  const DaemonSocket* socket(const std::string& daemon) const;
};

/// A device's group, and whether it is what this user needs.
struct DeviceGroup {
  std::string group;
  bool group_may_use = false;     ///< by the device's mode
  bool in_group = false;          ///< the user is in it, by the group database
  bool session_in_group = false;  ///< and so is this process
};

struct KvmFacts : DeviceGroup {
  /// Which step failed, or `works`.
  enum class Outcome {
    works,
    absent,
    open_failed,
    create_failed,
    run_failed,
    hangs,
    not_seen
  } outcome = Outcome::not_seen;
  int error = 0;  ///< errno of the step
  bool x86 = true;
  std::string cpu_flag;  ///< vmx or svm; empty when the CPU, or the firmware, has none
};

/// The device by which the host and guests with a vsock reach each other.
struct VsockFacts : DeviceGroup {
  std::optional<int> error;  ///< errno of opening it to read and write; 0 when that works
};

/// One line of bridge.conf; bridge "all" is every bridge. See qemu-bridge-helper.
struct BridgeRule {
  bool allow = true;
  std::string bridge;
};

struct NetworkFacts {
  std::string helper;  ///< path of qemu-bridge-helper; empty when it is not there
  bool helper_setuid_root = false;
  bool helper_has_net_admin = false;  ///< as a file capability
  bool helper_nosuid = false;         ///< on a file system that ignores both
  /// errno of opening /dev/net/tun as this user, which the helper does in the end; 0 when that works.
  std::optional<int> tun_error;
  enum class Acl { missing, unreadable, read } acl = Acl::missing;
  std::vector<BridgeRule> rules;
  std::set<std::string> bridges;     ///< that exist
  std::string passt;                 ///< path of the program, or empty
  std::optional<bool> qemu_user;     ///< QEMU has -netdev user (slirp)
  std::optional<bool> qemu_stream;   ///< QEMU has -netdev stream, which passt needs
  bool passt_profile = false;        ///< AppArmor is on and has a profile for passt
  bool passt_profile_fits = false;   ///< which lets it work in a libvirt session
  bool passt_rules_missing = false;  ///< which takes most of its rules from a file of passt's that is not there
  std::optional<bool> may_ping;      ///< net.ipv4.ping_group_range has a group of this user
};

/// The system's libvirt, as far as it can be asked without a password.
struct SystemLibvirtFacts {
  enum class Answer { no_socket, not_running, answered, failed, too_late } answer = Answer::no_socket;
  std::string socket;
  std::string error;
  std::vector<std::string> vms;         ///< names
  std::optional<unsigned> definitions;  ///< number of files in /etc/libvirt/qemu, where that can be listed
};

struct UriFacts {
  std::string virsh_variable;    ///< VIRSH_DEFAULT_CONNECT_URI
  std::string libvirt_variable;  ///< LIBVIRT_DEFAULT_URI
  std::string user_conf;         ///< uri_default in the user's libvirt.conf
  std::string etc_conf;          ///< uri_default in /etc/libvirt/libvirt.conf, which counts for root only
  SystemLibvirtFacts system;
};

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;

/// A cgroup above the VMs.
struct SliceFacts {
  std::string unit;
  std::optional<std::uint64_t> memory_max;  ///< bytes, or kUnlimited
  std::optional<std::uint64_t> tasks_max;
  std::uint64_t tasks = 0;
};

struct LimitFacts {
  std::string owner;  ///< whose limits: "libvirtd (pid 12)", "the user manager (pid 3)", "this process"
  std::optional<std::uint64_t> open_files_soft, open_files_hard;
  std::optional<std::uint64_t> locked_memory;                          ///< bytes, as are the others; the hard limit
  std::optional<std::uint64_t> file_size;                              ///< the soft limit
  std::optional<std::uint64_t> core;                                   ///< the hard limit
  std::optional<std::uint64_t> processes;                              ///< the hard limit
  std::optional<std::uint64_t> conf_core, conf_files, conf_processes;  ///< max_* in the session's qemu.conf
  bool conf_core_none = false;                                         ///< max_core = 0: libvirt sets nothing
  std::vector<SliceFacts> slices;
};

/// A QEMU of this user.
struct QemuProcess {
  pid_t pid = 0;
  std::string uuid;
  std::string name;
  std::string unit;                                                                ///< of systemd's, by its cgroup
  enum class Owner { this_libvirt, other_libvirt, nobody } owner = Owner::nobody;  ///< by its command line
};

/// A VM that runs in the session of another user, such as root's when somebody used sudo.
struct OtherUsersVm {
  std::string user;
  std::string name;
};

/// Where a file lies.
struct FilesystemFacts {
  std::string mount_point;
  std::string type;  ///< as in /proc/self/mountinfo
  bool removable = false;
  std::uint64_t available = 0;  ///< bytes for this user
};

/// A file that a VM needs: a disk image, a kernel ...
struct ImageFacts {
  std::string path;
  std::string target;          ///< vda ...; kernel, initrd or loader
  std::string format = "raw";  ///< as the VM takes it, whatever the file holds
  bool cdrom = false;
  bool writable = true;
  enum class State { present, missing, denied, too_late, other_error } state = State::present;
  std::string error;
  std::string missing_backing;  ///< a file below it that is missing
  std::uint64_t capacity = 0;   ///< bytes the guest may write; 0 when not known
  std::uint64_t allocated = 0;  ///< bytes it takes now
  std::optional<FilesystemFacts> filesystem;
};

/// A disk that a network block device's server has, at a unix socket.
struct DiskSocket {
  std::string target;  ///< vda ...
  std::string path;
};

/// A disk that a service of the user's systemd serves: the file system or the socket is there while it runs.
struct ServedDisk {
  std::string disk;  ///< for a person: "vda (/home/me/mnt/disk.img)"
  std::string unit;

  bool operator==(const ServedDisk&) const = default;
};

/// A VM of the session, from libvirt or from its files.
struct DomainFacts {
  std::string uuid;
  std::string name;
  std::string type;  ///< kvm, qemu ...
  bool active = false;
  bool persistent = true;
  bool autostart = false;
  bool managed_save = false;
  std::uint64_t memory_kib = 0;
  bool locks_memory = false;  ///< it has a PCI or mediated device, or asks for locked memory
  std::vector<Network> networks;
  bool agent_channel = false;  ///< it has a channel for the guest agent
  bool vsock = false;
  std::vector<ImageFacts> images;
  std::vector<std::string> remote_disks;  ///< those that are no file here: "vda (nbd)", "vdb (a volume of pool iscsi)"
  std::vector<DiskSocket> disk_sockets;
  std::vector<ServedDisk> served_disks;
  std::optional<std::string> policy_text;
  std::string policy_error;
};

/// The file of a VM's definition that libvirt, when it was asked, does not list.
struct UnlistedDefinition {
  std::string name;  ///< of the VM, by the file's
  std::string path;
  std::string error;  ///< libvirt's words about its XML; empty when it would take it, or was not asked
};

/// A network of the session's own, which its user may start when no network device has to be made for it.
struct SessionNetwork {
  std::string name;
  std::string forward;  ///< mode: bridge, nat ...; empty when it is isolated
  std::string bridge;   ///< name of the device
  bool active = false;
  bool autostart = false;
};

/// A managed save's file.
struct SaveFacts {
  std::string name;  ///< of the VM
  std::string path;
  std::int64_t time_sec = 0;  ///< when it was written, since the epoch
  std::uint64_t size = 0;
};

/// A port of this machine that leads to a guest now.
struct ForwardFacts {
  HostPort host;
  ForwardAnswer answer = ForwardAnswer::unknown;
};

struct DoctorFacts {
  MachineFacts machine;
  UserManagerFacts user_manager;
  LibvirtFacts libvirt;
  std::string qemu;      ///< path of this machine's QEMU, or empty
  std::string qemu_img;  ///< path of the program, or empty
  KvmFacts kvm;
  VsockFacts vsock;
  NetworkFacts network;
  UriFacts uri;
  LimitFacts limits;
  std::vector<QemuProcess> qemus;
  std::vector<OtherUsersVm> others_vms;  ///< as far as this user may see processes of others
  bool domains_from_libvirt = false;     ///< else they are from the files of their definitions
  std::vector<DomainFacts> domains;
  std::vector<UnlistedDefinition> unlisted;
  std::vector<SessionNetwork> session_networks;
  std::vector<SaveFacts> saves;
  std::vector<PortListener> listeners;
  std::vector<ForwardFacts> forwards;
  std::optional<std::uint32_t> first_user_port;  ///< lower ones are for root: net.ipv4.ip_unprivileged_port_start
  Policy policy_defaults;                        ///< for VMs, when virtsessiond cannot be asked
  std::vector<std::string> too_late;             ///< what was given up on, for a person: "KVM"
  std::vector<std::string> failed;               ///< what ended by an exception, with its text: "KVM (bad_alloc)"
  std::optional<SupervisedFacts> supervised;
};

}  // namespace virtsession
