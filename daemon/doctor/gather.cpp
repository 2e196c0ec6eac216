// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gather.hpp"

#include "doctor/gatherers.hpp"
#include "doctor/run_program.hpp"
#include "util/bounded.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace virtsession {

const UnitFacts* UserManagerFacts::unit(const std::string& name) const {
  for (const auto& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

const DaemonSocket* LibvirtFacts::socket(const std::string& daemon) const {
  for (const auto& socket : sockets)
    if (socket.daemon == daemon) return &socket;
  return nullptr;
}

namespace {

using Clock = std::chrono::steady_clock;

/// \return whether it failed, which is noted
template <class T>
bool failed(const Bounded<T>& task, const char* theme, DoctorFacts& facts) {
  const auto why = task.failure();
  if (!why.empty()) facts.failed.push_back(std::string(theme) + " (" + why + ")");
  return !why.empty();
}

/// The result of a theme, or what is known without it.
template <class T>
T take(Bounded<T>& task, Deadline deadline, const char* theme, DoctorFacts& facts) {
  if (auto result = task.get(deadline)) return *std::move(result);
  if (!failed(task, theme, facts)) facts.too_late.emplace_back(theme);
  return T();
}

/// The socket that clients choose: the first whose file exists.
const DaemonSocket* chosen_socket(const LibvirtFacts& libvirt) {
  for (const auto& socket : libvirt.sockets)
    if (socket.daemon != "virtlogd" && socket.state != SocketState::absent && socket.state != SocketState::lost)
      return &socket;
  return nullptr;
}

/// What is found by asking libvirt's two daemons, which is begun when it is known that they run.
struct Questions {
  std::optional<Bounded<DomainsAnswer>> session;
  std::optional<Bounded<SystemLibvirtFacts>> system;
};

Bounded<SystemLibvirtFacts> ask_system(const SystemLibvirtFacts& found) {
  return {"doctor-system", [found] { return ask_system_libvirt(found, "qemu+unix:///system?socket=" + found.socket); }};
}

Questions ask(const GatherOptions& options, const std::vector<std::string>& definitions, DoctorFacts& facts) {
  using Answer = LibvirtFacts::Answer;
  Questions questions;
  const auto* const socket = chosen_socket(facts.libvirt);
  if (socket && socket->pid > 0) {
    facts.libvirt.answer = options.libvirt_starts_nothing ? Answer::too_late : Answer::not_allowed_to_ask;
    if (options.libvirt_starts_nothing)
      questions.session.emplace("doctor-session", [uri = "qemu+unix:///session?socket=" + socket->path, definitions] {
        return ask_libvirt(uri, definitions);
      });
  }
  if (facts.uri.system.answer == SystemLibvirtFacts::Answer::too_late) questions.system = ask_system(facts.uri.system);
  return questions;
}

void take_answers(Questions& questions, Deadline deadline, DoctorFacts& facts) {
  if (questions.system) {
    if (auto answer = questions.system->get(deadline)) facts.uri.system = *std::move(answer);
    failed(*questions.system, "qemu:///system", facts);
  }
  if (!questions.session) return;
  auto answer = questions.session->get(deadline);
  failed(*questions.session, "qemu:///session", facts);
  if (!answer) return;
  facts.libvirt.answer = answer->answered ? LibvirtFacts::Answer::answered : LibvirtFacts::Answer::failed;
  facts.libvirt.error = answer->error;
  if (!answer->answered) return;
  facts.libvirt.version = answer->version;
  facts.domains = std::move(answer->domains);
  facts.unlisted = std::move(answer->unlisted);
  facts.domains_from_libvirt = true;
}

/// A QEMU that ended while the VMs were listed is nobody's orphan.
void forget_ended(std::vector<QemuProcess>& qemus) {
  std::erase_if(
      qemus, [](const QemuProcess& qemu) { return access(("/proc/" + std::to_string(qemu.pid)).c_str(), F_OK) != 0; });
}

void look_at_images(const GatherOptions& options, DoctorFacts& facts) {
  std::vector<ImageFacts*> images;
  for (auto& domain : facts.domains)
    for (auto& image : domain.images) images.push_back(&image);
  for (const auto& failure : gather_images(images, options)) facts.failed.push_back("disk images (" + failure + ")");
}

/// After the images, whose file systems are known then.
void look_for_servers(Deadline deadline, DoctorFacts& facts) {
  using ByDomain = std::vector<std::vector<ServedDisk>>;
  Bounded<ByDomain> task("doctor-servers", [domains = facts.domains] {
    ByDomain served;
    for (const auto& domain : domains) served.push_back(find_served_disks(domain));
    return served;
  });
  auto served = take(task, deadline, "who serves disks", facts);
  served.resize(facts.domains.size());
  for (std::size_t i = 0; i < served.size(); ++i) facts.domains[i].served_disks = std::move(served[i]);
}

UserManagerFacts silent_manager() {
  UserManagerFacts facts;
  facts.error = "it does not answer";
  return facts;
}

/// Files of definitions lie in the home folder, which may be on a network file system, too.
struct Files {
  std::vector<std::string> definitions;
  std::vector<DomainFacts> domains;
  std::vector<SessionNetwork> networks;
  std::vector<SaveFacts> saves;
  Policy policy_defaults;
};

/// Without libvirt's word: what is no domain to us will be none to it.
std::vector<UnlistedDefinition> unusable(const Files& files) {
  std::vector<UnlistedDefinition> unlisted;
  for (const auto& path : files.definitions) {
    const std::string name = std::filesystem::path(path).stem();
    if (std::ranges::find(files.domains, name, &DomainFacts::name) == files.domains.end())
      unlisted.push_back({name, path, {}});
  }
  return unlisted;
}

}  // namespace

DoctorFacts gather_facts(const GatherOptions& options) {
  DoctorFacts facts;
  facts.supervised = options.supervised;
  facts.machine = gather_machine(options);
  facts.qemu = find_qemu(options);
  facts.qemu_img = find_program("qemu-img", options.program_folders);
  facts.libvirt.version = library_version();
  const auto machine = facts.machine;

  Bounded<std::vector<ProcessInfo>> processes_task("doctor-processes", read_processes);
  Bounded<KvmFacts> kvm("doctor-kvm", [=] { return gather_kvm(options, machine); });
  Bounded<PortFacts> ports("doctor-ports", [=] { return gather_ports(options); });
  Bounded<VsockFacts> vsock("doctor-vsock", [=] { return gather_vsock(options, machine); });
  Bounded<UserManagerFacts> manager("doctor-units", [=] { return gather_user_manager(options, machine); });
  Bounded<std::optional<std::uint64_t>> budget("doctor-budget", [=] { return gather_stop_budget(options, machine); });
  Bounded<NetworkFacts> network("doctor-network", [=, qemu = facts.qemu] { return gather_network(options, qemu); });
  Bounded<UriFacts> uri("doctor-uri", [=] { return gather_uri(options); });
  Bounded<Files> files("doctor-files", [=] {
    return Files{find_definitions(options), read_domain_files(options), gather_session_networks(options),
                 gather_saves(options), read_policy_defaults(options)};
  });

  const auto deadline = Clock::now() + options.limit;
  const auto processes = take(processes_task, deadline, "processes", facts);
  const auto version = facts.libvirt.version;
  facts.libvirt = gather_libvirt(options, machine, processes);
  facts.libvirt.version = version;
  facts.qemus = gather_qemus(machine, processes);
  facts.others_vms = find_vms_of_others(machine, processes);
  facts.uri = take(uri, deadline, "libvirt's configuration", facts);
  facts.uri.system = find_system_libvirt(options, processes);
  const auto* const socket = chosen_socket(facts.libvirt);
  Bounded<LimitFacts> limits("doctor-limits",
                             [=, pid = socket ? socket->pid : 0] { return gather_limits(options, machine, pid); });
  auto from_files = take(files, deadline, "the VMs' files", facts);
  auto questions = ask(options, from_files.definitions, facts);
  facts.session_networks = std::move(from_files.networks);
  facts.saves = std::move(from_files.saves);
  facts.policy_defaults = std::move(from_files.policy_defaults);
  take_answers(questions, std::max(deadline, Clock::now() + options.limit / 2), facts);
  if (!facts.domains_from_libvirt) {
    facts.unlisted = unusable(from_files);
    facts.domains = std::move(from_files.domains);
  }
  forget_ended(facts.qemus);
  look_at_images(options, facts);
  look_for_servers(std::max(deadline, Clock::now() + options.limit / 2), facts);

  // By now the slowest of these has been waited for.
  facts.limits = take(limits, deadline, "limits", facts);
  facts.kvm = take(kvm, deadline, "KVM", facts);
  auto of_ports = take(ports, deadline, "ports", facts);
  facts.listeners = std::move(of_ports.listeners);
  facts.first_user_port = of_ports.first_user_port;
  facts.vsock = take(vsock, deadline, "/dev/vhost-vsock", facts);
  facts.user_manager = manager.get(deadline).value_or(silent_manager());
  failed(manager, "the user manager", facts);
  facts.user_manager.stop_budget_usec = take(budget, deadline, "the system manager", facts);
  facts.network = take(network, deadline, "networks", facts);
  Bounded<std::vector<ForwardFacts>> forwards(
      "doctor-forwards", [facts, limit = options.limit / 4] { return gather_forwards(facts, limit); });
  facts.forwards = take(forwards, Clock::now() + options.limit / 2, "ports of guests", facts);
  return facts;
}

DoctorFacts gather_environment(const GatherOptions& options) {
  DoctorFacts facts;
  facts.machine = gather_machine(options);
  Bounded<UriFacts> uri("doctor-uri", [=] { return gather_uri(options); });
  Bounded<UserManagerFacts> manager("doctor-units",
                                    [=, machine = facts.machine] { return gather_user_manager(options, machine); });
  Bounded<std::vector<ProcessInfo>> processes("doctor-processes", read_processes);
  const auto deadline = Clock::now() + options.limit;
  facts.libvirt = gather_libvirt(options, facts.machine, take(processes, deadline, "processes", facts));
  facts.user_manager = manager.get(deadline).value_or(silent_manager());
  facts.uri = take(uri, deadline, "libvirt's configuration", facts);
  return facts;
}

SystemLibvirtFacts gather_system_libvirt(const GatherOptions& options) {
  Bounded<std::vector<ProcessInfo>> processes("doctor-processes", read_processes);
  const auto deadline = Clock::now() + options.limit;
  auto found = find_system_libvirt(options, processes.get(deadline).value_or(std::vector<ProcessInfo>()));
  if (found.answer != SystemLibvirtFacts::Answer::too_late) return found;
  return ask_system(found).get(deadline).value_or(found);
}

}  // namespace virtsession
