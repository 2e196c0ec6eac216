// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/daemon.hpp"

#include "app/config_file.hpp"
#include "processes/vm_processes.hpp"
#include "util/build_config.hpp"
#include "util/log.hpp"
#include "util/message_ids.hpp"
#include "util/now.hpp"
#include "util/paths.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>

namespace virtsession {
namespace {

constexpr const char* kSessionUri = "qemu:///session";
constexpr std::chrono::seconds kUserManagerWait{5};

log::Level log_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return log::Level::debug;
    case LogLevel::info:
      return log::Level::info;
    case LogLevel::warning:
      return log::Level::warning;
    case LogLevel::error:
      break;
  }
  return log::Level::error;
}

/// What the journal has of an incident: its MESSAGE_ID, if it has one, and how much it matters.
struct JournalKind {
  const char* message_id;
  log::Level level;
};

JournalKind journal_kind(Incident incident) {
  switch (incident) {
    case Incident::phase:
      return {nullptr, log::Level::info};
    case Incident::started:
      return {message_id::kVmStarted, log::Level::info};
    case Incident::start_failed:
      return {message_id::kVmStartFailed, log::Level::error};
    case Incident::crashed:
      return {message_id::kVmCrashed, log::Level::error};
    case Incident::gave_up:
      return {message_id::kVmGaveUp, log::Level::error};
    case Incident::not_ready:
      return {message_id::kVmNotReady, log::Level::warning};
    case Incident::stopping:
      return {message_id::kStopBegun, log::Level::info};
    case Incident::stopped:
      return {message_id::kStopEnded, log::Level::info};
    case Incident::forced:
      return {message_id::kVmForced, log::Level::warning};
    case Incident::stuck:
      return {message_id::kVmStuck, log::Level::error};
    case Incident::bad_policy:
      break;
  }
  return {message_id::kVmBadPolicy, log::Level::warning};
}

std::optional<std::uint64_t> weight(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

std::map<std::string, VmScopes::WantedScope> wanted_scopes(const std::map<std::string, ScopeWish>& wishes) {
  std::map<std::string, VmScopes::WantedScope> wanted;
  for (const auto& [uuid, wish] : wishes) {
    ScopeLimits limits{weight(wish.cpu_weight), weight(wish.io_weight), weight(wish.memory_high_mib)};
    if (limits.memory_high_bytes) *limits.memory_high_bytes *= 1024 * 1024;
    wanted[uuid] = {wish.name, wish.domain_id, limits};
  }
  return wanted;
}

bool is_executable(const char* path) { return access(path, X_OK) == 0; }

}  // namespace

Daemon::Daemon(const Arguments& arguments)
    : arguments_(arguments),
      diagnosis_(loop_),
      config_(load_config()),
      supervisor_(config_.config, load_state(), std::random_device{}()),
      bus_(connect_bus()),
      user_manager_(loop_, *bus_),
      path_watcher_(loop_),
      login_manager_(loop_, path_watcher_, getuid()),
      session_end_(loop_, user_manager_, login_manager_, notify_,
                   {.budget_changed = [this] { manager_changed_ = true; },
                    .restart = [this] { loop_.quit(EX_OK); },
                    .end = [this](SessionEnd::Time deadline) { begin_session_end(deadline); },
                    .status = [this] { return status_text(); }}),
      vm_scopes_(loop_, user_manager_,
                 [this](const std::string& uuid, const std::string& unit, const std::string&) {
                   supervisor_.on_scope(uuid, unit);
                 }),
      host_watcher_(loop_, user_manager_, path_watcher_,
                    [this](const HostFacts& facts) { tell([&](Moment now) { supervisor_.on_facts(facts, now); }); }),
      tcp_prober_(loop_,
                  [this](const std::string& uuid) { tell([&](Moment now) { supervisor_.on_tcp_ready(uuid, now); }); }),
      notifications_(*bus_, {.try_again = [this](const std::string& uuid) { try_again(uuid); },
                             .details = [this](const Notice& notice) { return details(notice); }}),
      link_(loop_, arguments.uri ? nullptr : &user_manager_, choose_daemon(), arguments.uri.value_or(kSessionUri),
            *this),
      tree_(*bus_, *this),
      bus_source_(loop_, *bus_,
                  [this](const std::string& text) { fail(EX_TEMPFAIL, "The session bus is gone: " + text); }),
      tick_(loop_, [this] { tell([&](Moment now) { supervisor_.on_tick(now); }); }),
      manager_deadline_(loop_, [this] { fail(EX_UNAVAILABLE, missing_manager_); }),
      pass_end_(loop_.on_pass_end([this] { end_pass(); })) {}

Daemon::~Daemon() = default;

Daemon::LoadedConfig Daemon::load_config() const {
  LoadedConfig loaded;
  loaded.path = arguments_.config_file.empty() ? find_config_file() : arguments_.config_file;
  if (loaded.path.empty()) return loaded;
  const auto file = read_config_file(loaded.path);
  if (!file)
    loaded.problems.push_back({"", file.error().message, ""});
  else if (file->problems.empty())
    loaded.config = file->config;
  else
    loaded.problems = file->problems;
  return loaded;
}

/// Without word of a stop that is to go on, one that was not ended belongs to a session that is over.
KeptState Daemon::load_state() {
  auto kept = state_files_.load();
  if (!arguments_.resume_stop && Supervisor::is_in_stop(kept)) kept.login = nlohmann::json::object();
  return kept;
}

std::unique_ptr<sdbus::IConnection> Daemon::connect_bus() const {
  try {
    return sdbus::createSessionBusConnection();
  } catch (const sdbus::Error& error) {
    throw FatalError(EX_UNAVAILABLE, "Failed to connect to the session bus (dbus-user-session): " + error.getMessage());
  }
}

/// The daemon that libvirt's clients choose as well: by the socket that is there, else by what they were built with.
std::string Daemon::choose_daemon() const {
  switch (config_.config.libvirt_daemon) {
    case LibvirtDaemonChoice::libvirtd:
      return "libvirtd";
    case LibvirtDaemonChoice::virtqemud:
      return "virtqemud";
    case LibvirtDaemonChoice::automatic:
      break;
  }
  const bool libvirtd = is_executable(build::kLibvirtd);
  const bool virtqemud = is_executable(build::kVirtqemud);
  if (libvirtd != virtqemud) return libvirtd ? "libvirtd" : "virtqemud";
  const auto sockets = runtime_dir() + "/libvirt/";
  std::error_code ignored;
  if (std::filesystem::exists(sockets + "virtqemud-sock", ignored)) return "virtqemud";
  if (std::filesystem::exists(sockets + "libvirt-sock", ignored)) return "libvirtd";
  return std::string(build::kDefaultDaemon);
}

int Daemon::run() {
  if (!config_.problems.empty())
    log::error("{} is not used, the built-in defaults are: {}", config_.path, to_text(config_.problems));
  handle_signals();
  publish();
  if (const auto owned = tree_.request_name(); !owned) throw FatalError(EX_UNAVAILABLE, owned.error().message);
  if (link_.managed())
    wait_for_user_manager();
  else
    start_link();
  login_manager_.on_prepare_for_sleep(
      [this](bool sleeps) { tell([&](Moment now) { supervisor_.on_sleep(sleeps, now); }); });
  login_manager_.on_linger_changed([this](bool) { manager_changed_ = true; });
  login_manager_.connect();
  loop_.enable_watchdog();
  notify_.ready();
  apply_config();
  const auto code = loop_.run();
  if (fatal_) throw FatalError(code, *fatal_);
  return code;
}

/// The user manager starts the bus and is a moment late on it itself, when we are the first to use it.
void Daemon::wait_for_user_manager() {
  user_manager_.on_availability([this](bool available) {
    if (available) start_link();
  });
  user_manager_.connect([this](const Result<void>& result) {
    if (result) return start_link();
    missing_manager_ = result.error().message;
    manager_deadline_.set(now().steady + kUserManagerWait);
  });
}

void Daemon::start_link() {
  manager_deadline_.cancel();
  if (std::exchange(link_started_, true)) return;
  if (link_.managed()) {
    watch_autostart_links();
    session_end_.read_budget();
    if (const auto deadline = supervisor_.session_end()) session_end_.resume(*deadline);
  }
  link_.start();
}

void Daemon::apply_config() {
  log::set_level(log_level(config_.config.log_level));
  notifications_.set_enabled(config_.config.notifications);
}

void Daemon::handle_signals() {
  signals_.push_back(loop_.on_signal(SIGTERM, [this] {
    if (link_.managed()) return session_end_.on_terminate();
    loop_.quit(EX_OK);
  }));
  signals_.push_back(loop_.on_signal(SIGINT, [this] { interrupt(); }));
  signals_.push_back(loop_.on_signal(SIGHUP, [this] {
    notify_.reloading(now().steady);
    static_cast<void>(reload_config());  // what is wrong is in the journal and in ConfigProblems
    notify_.ready();
  }));
}

void Daemon::fail(int exit_code, const std::string& text) {
  fatal_ = text;
  loop_.quit(exit_code);
}

/// libvirt has no event for the autostart flag: it is a link in this folder.
void Daemon::watch_autostart_links() {
  autostart_links_ = path_watcher_.watch(config_home() + "/libvirt/qemu/autostart", [this](const std::string& entry) {
    const auto suffix = entry.find(".xml");
    if (suffix == std::string::npos) return link_.relist();
    if (const auto uuid = supervisor_.find_vm(entry.substr(0, suffix))) link_.hypervisor().refresh(*uuid);
  });
}

void Daemon::begin_session_end(SessionEnd::Time deadline) {
  link_.set_stopping(true);
  tell([&](Moment now) { supervisor_.on_session_end(deadline, now); });
}

/// Somebody at a terminal: while VMs are being stopped, it is to go faster; otherwise VMs are left alone.
void Daemon::interrupt() {
  if (supervisor_.stop_state() == StopState::idle) return loop_.quit(EX_OK);
  tell([&](Moment now) { supervisor_.on_hurry(now); });
}

void Daemon::tell(const std::function<void(Moment now)>& event) {
  event(now());
  for (const auto& action : supervisor_.take_actions()) execute(action);
}

void Daemon::execute(const Action& action) {
  if (const auto* run = std::get_if<RunOperation>(&action)) {
    link_.hypervisor().run(run->operation);
  } else if (const auto* answer = std::get_if<Answer>(&action)) {
    answers_.push_back(*answer);
  } else if (const auto* entry = std::get_if<JournalEntry>(&action)) {
    const auto kind = journal_kind(entry->incident);
    log::Fields fields;
    if (!entry->uuid.empty()) fields = {{"VIRTSESSION_VM", entry->name}, {"VIRTSESSION_VM_UUID", entry->uuid}};
    if (kind.message_id) fields.emplace_back("MESSAGE_ID", kind.message_id);
    if (!entry->client.empty()) fields.emplace_back("VIRTSESSION_CLIENT", entry->client);
    log::write(kind.level, fields, entry->uuid.empty() ? entry->text : "VM \"" + entry->name + "\": " + entry->text);
  } else if (const auto* notice = std::get_if<Notice>(&action)) {
    notifications_.show(*notice);
  } else if (const auto* withdrawn = std::get_if<WithdrawNotice>(&action)) {
    notifications_.withdraw(*withdrawn);
  } else if (const auto* replace = std::get_if<ReplaceLibvirt>(&action)) {
    link_.replace_hung(replace->reason);
  } else if (const auto* terminate = std::get_if<TerminateQemu>(&action)) {
    terminate_qemu(*terminate);
  }
}

void Daemon::try_again(const std::string& uuid) {
  VmRequest again;
  again.uuid = uuid;
  again.kind = RequestKind::start;
  again.caller = "a desktop notification";
  request(again, [](const Result<void>&) {});  // how it ends is a phase, and perhaps the next notification
}

void Daemon::terminate_qemu(const TerminateQemu& action) {
  auto process = virtsession::terminate_qemu(action.name, action.uuid);
  if (!process) {
    log::error("{}", process.error().message);
    return tell([&](Moment now) { supervisor_.on_qemu_ended(action.uuid, now); });
  }
  auto& terminated = terminated_[action.uuid];
  terminated.process = std::move(process).value();
  terminated.ended = loop_.watch_io(terminated.process.get(), EPOLLIN, [this, uuid = action.uuid](std::uint32_t) {
    terminated_.at(uuid).ended = {};
    tell([&](Moment now) { supervisor_.on_qemu_ended(uuid, now); });
  });
}

std::string Daemon::details(const Notice& notice) const {
  std::string text = notice.text;
  for (const auto& entry : supervisor_.history(notice.uuid, 5))
    text += "\n" + std::string(to_text(entry.phase)) + ": " + entry.reason;
  return text;
}

void Daemon::end_pass() {
  arrange();
  publish();
  for (const auto& answer : std::exchange(answers_, {})) {
    const auto request = requests_.extract(answer.request);
    if (!request.empty()) request.mapped()(answer.result);
  }
  if (supervisor_.session_over()) loop_.quit(EX_OK);
}

/// Watches, probes and timers follow from the state; files too.
void Daemon::arrange() {
  auto wanted = supervisor_.wanted_facts();
  // Costs a signal at login and logout, and cannot be read without waiting when a dry run asks.
  wanted.graphical_session |= supervisor_.plan_facts().graphical_session;
  host_watcher_.want(wanted);
  tcp_prober_.want(supervisor_.probes());
  login_manager_.want_sleep_lock(supervisor_.wants_sleep_lock());
  if (link_.managed()) vm_scopes_.want(wanted_scopes(supervisor_.scopes()));
  if (const auto wake = supervisor_.wake())
    tick_.set(*wake);
  else
    tick_.cancel();
}

void Daemon::publish() {
  const auto changed = supervisor_.take_changed();
  for (const auto& uuid : changed) {
    if (supervisor_.has(uuid))
      tree_.update(supervisor_.view(uuid));
    else
      tree_.remove(uuid);
  }
  if (!changed.empty()) state_files_.save(supervisor_.kept_state());
  if (changed.empty() && !manager_changed_) return;
  manager_changed_ = false;
  tree_.update(manager_view());
  notify_.status(status_text());
}

ManagerView Daemon::manager_view() const {
  ManagerView view;
  view.version = build::kVersion;
  view.libvirt_state = link_.state();
  view.libvirt_reason = link_.reason();
  view.libvirt_daemon = link_.daemon();
  view.libvirt_version = link_.version();
  view.libvirt_managed = link_.managed_now();
  view.autostart_state = supervisor_.autostart_state();
  view.stop_state = supervisor_.stop_state();
  view.stop_budget_usec = static_cast<std::uint64_t>(session_end_.budget().count());
  view.linger = login_manager_.linger();
  view.counts = supervisor_.counts();
  view.config_path = config_.path;
  view.config_problems = config_.problems;
  return view;
}

std::string Daemon::status_text() const {
  if (auto progress = supervisor_.stop_progress(now().steady); !progress.empty()) return progress;
  if (link_.state() != LibvirtState::ready)
    return "libvirt: " + std::string(to_text(link_.state())) +
           (link_.reason().empty() ? "" : " (" + link_.reason() + ")");
  const auto counts = supervisor_.counts();
  const auto count = [&](const char* phase) { return counts.contains(phase) ? counts.at(phase) : 0U; };
  auto text = std::to_string(count("total")) + " VMs, " + std::to_string(count("running")) + " running";
  if (const auto stuck = count("stuck"); stuck > 0) text += ", " + std::to_string(stuck) + " stuck";
  if (const auto gave_up = count("gave-up"); gave_up > 0) text += ", " + std::to_string(gave_up) + " gave up";
  return text + "; autostart " + std::string(to_text(supervisor_.autostart_state()));
}

void Daemon::on_link_changed() { manager_changed_ = true; }

void Daemon::on_link_lost() {
  tell([&](Moment now) { supervisor_.on_libvirt_lost(now); });
}

void Daemon::on_listed(const std::vector<DomainSnapshot>& domains) {
  tell([&](Moment now) { supervisor_.on_listed(domains, now); });
  manager_changed_ = true;
}

void Daemon::on_domain_event(const DomainEvent& event) {
  tell([&](Moment now) { supervisor_.on_domain_event(event, now); });
}

void Daemon::on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) {
  tell([&](Moment now) { supervisor_.on_domain(uuid, domain, now); });
}

void Daemon::on_job_progress(const std::string& uuid, const JobProgress& progress) {
  tell([&](Moment now) { supervisor_.on_job_progress(uuid, progress, now); });
}

void Daemon::on_operation_done(OperationId id, const Result<void>& result) {
  tell([&](Moment now) { supervisor_.on_operation_done(id, result, now); });
}

}  // namespace virtsession
