// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/daemon.hpp"

#include "app/session_bus.hpp"
#include "libvirt/libvirt_hypervisor.hpp"
#include "link/daemon_choice.hpp"
#include "util/bounded.hpp"
#include "util/fatal_error.hpp"
#include "util/log.hpp"
#include "util/now.hpp"
#include "util/paths.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <utility>

namespace virtsession {
namespace {

constexpr const char* kSessionUri = "qemu:///session";
constexpr std::chrono::seconds kUserManagerWait{5};
constexpr std::chrono::seconds kStateFileWait{2};
constexpr std::chrono::milliseconds kHomeLimit{500};
/// Shorter than systemd's limit for the start of a service.
constexpr std::chrono::seconds kBusWait{60};
/// The session ends, and without a bus this instance can do nothing for VMs: virtsession-last-resort.service can.
constexpr std::chrono::seconds kBusWaitAtEnd{2};
/// Of all that is missing or in the way at the start, this alone does not go by itself: the unit is not restarted.
constexpr int kNameIsTaken = EX_CANTCREAT;

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

/// Units that the user has enabled are links in the home, which may hang: then those of others decide.
DaemonFacts daemon_facts() {
  Bounded<DaemonFacts> look("daemons", [] { return read_daemon_facts(runtime_dir(), config_home()); });
  if (auto facts = look.get(now().steady + kHomeLimit)) return *std::move(facts);
  return read_daemon_facts(runtime_dir(), {});
}

std::string daemon_for(const Config& config) { return choose_daemon(config.libvirt_daemon, daemon_facts()); }

/// A libvirt that is somebody else's needs no daemon here.
ConfigStore::Check check_of(const Arguments& arguments) {
  if (arguments.uri) return {};
  return [](const Config& config) { return daemon_problem(config.libvirt_daemon, daemon_facts()); };
}

HostSources host_sources() {
  HostSources sources;
  sources.mount_points.user_units = user_unit_folders();
  return sources;
}

}  // namespace

Daemon::Daemon(const Arguments& arguments)
    : arguments_(arguments),
      diagnosis_(loop_),
      config_(arguments.config_file, check_of(arguments)),
      mail_(loop_),
      state_files_([this, mail = mail_.sender()] { mail.send([this] { take_late_state(); }); }),
      supervisor_(config_.config(), load_state(), std::random_device{}()),
      bus_(connect_session_bus(arguments.resume_stop ? kBusWaitAtEnd : kBusWait)),
      user_manager_(loop_, *bus_),
      path_watcher_(loop_),
      login_manager_(loop_, path_watcher_, getuid()),
      session_end_(loop_, user_manager_, login_manager_, notify_,
                   {.budget_changed = [this] { pass_.manager_changed(); },
                    .restart = [this] { loop_.quit(EX_OK); },
                    .end = [this](SessionEnd::Time deadline) { begin_session_end(deadline); },
                    .status = [this] { return pass_.status_text(); }}),
      vm_scopes_(loop_, user_manager_,
                 [this](const VmScopes::Report& report) {
                   supervisor_.on_scope(report.uuid, report.unit, report.started_usec);
                 }),
      host_watcher_(
          loop_, user_manager_, path_watcher_,
          [this](const HostFacts& facts) { tell([&](Moment now) { supervisor_.on_facts(facts, now); }); },
          host_sources()),
      tcp_prober_(loop_,
                  [this](const std::string& uuid) { tell([&](Moment now) { supervisor_.on_tcp_ready(uuid, now); }); }),
      notifications_(*bus_, {.try_again = [this](const std::string& uuid) { try_again(uuid); },
                             .details = [this](const Notice& notice) { return details(notice); }}),
      boxes_(*bus_, [this](bool open) { tell([&](Moment now) { supervisor_.on_boxes(open, now); }); }),
      libvirt_unit_(loop_, user_manager_, daemon_for(config_.config()), runtime_dir()),
      link_(loop_,
            [this](ConnectionSink& link) {
              return std::make_unique<LibvirtHypervisor>(loop_, Sinks{link, static_cast<DomainSink&>(*this)});
            },
            arguments.uri ? nullptr : &libvirt_unit_, arguments.uri.value_or(kSessionUri),
            {.changed = [this] { pass_.manager_changed(); },
             .lost = [this] { tell([&](Moment now) { supervisor_.on_libvirt_lost(now); }); },
             .replaces = [this] { tell_of_loss(); },
             .silent = [this](const Error& why) { tell([&](Moment) { supervisor_.on_libvirt_silent(why); }); }}),
      actions_(loop_, link_, requests_, notifications_,
               [this](const std::string& uuid) { tell([&](Moment now) { supervisor_.on_qemu_ended(uuid, now); }); }),
      api_({.supervisor = supervisor_,
            .requests = requests_,
            .diagnosis = diagnosis_,
            .host_watcher = host_watcher_,
            .login_manager = login_manager_,
            .session_end = session_end_,
            .link = link_,
            .libvirt_unit = libvirt_unit_,
            .tell = [this](const auto& event) { tell(event); },
            .manager_changed = [this] { pass_.manager_changed(); },
            .reload_config = [this] { return reload_config(); }}),
      tree_(*bus_, api_),
      bus_source_(loop_, *bus_,
                  [this](const std::string& text) { fail(EX_TEMPFAIL, "The session bus is gone: " + text); }),
      manager_deadline_(loop_, [this] { fail(EX_UNAVAILABLE, missing_manager_); }),
      pass_({.loop = loop_,
             .supervisor = supervisor_,
             .actions = actions_,
             .requests = requests_,
             .config = config_,
             .host_watcher = host_watcher_,
             .tcp_prober = tcp_prober_,
             .login_manager = login_manager_,
             .vm_scopes = vm_scopes_,
             .session_end = session_end_,
             .link = link_,
             .libvirt_unit = libvirt_unit_,
             .state_files = state_files_,
             .notify = notify_,
             .tree = tree_}) {}

Daemon::~Daemon() = default;

/// Without word of a stop that is to go on, one that was not ended belongs to a session that is over.
KeptState Daemon::load_state() {
  auto kept = state_files_.load();
  if (!arguments_.resume_stop && Supervisor::is_in_stop(kept)) kept.login = nlohmann::json::object();
  return kept;
}

int Daemon::run() {
  if (!config_.problems().empty())
    log::error("{} is not used, the built-in defaults are: {}", config_.path(), to_text(config_.problems()));
  handle_signals();
  pass_.publish();
  if (const auto owned = tree_.request_name(); !owned)
    throw FatalError(owned.error().code == ErrorCode::busy ? kNameIsTaken : EX_UNAVAILABLE, owned.error().message);
  if (link_.managed())
    wait_for_user_manager();
  else
    start_link();
  login_manager_.on_prepare_for_sleep(
      [this](bool sleeps) { tell([&](Moment now) { supervisor_.on_sleep(sleeps, now); }); });
  login_manager_.on_linger_changed([this](bool) { pass_.manager_changed(); });
  login_manager_.connect();
  loop_.enable_watchdog();
  notify_.ready();
  use_config();
  const auto code = loop_.run();
  state_files_.finish(now().steady + kStateFileWait);
  if (fatal_) throw FatalError(code, *fatal_);
  return code;
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
    autostart_links_.emplace(path_watcher_, config_home(),
                             AutostartLinks::Handlers{.one =
                                                          [this](const std::string& name) {
                                                            if (const auto uuid = supervisor_.find_vm(name))
                                                              link_.hypervisor().refresh(*uuid);
                                                          },
                                                      .any = [this] { link_.relist(); }});
    definitions_mount_.emplace(loop_, config_home() + "/libvirt", [this] { on_home_mounted(); });
    sockets_watch_ = path_watcher_.watch(runtime_dir() + "/libvirt",
                                         [this](const std::string&) { libvirt_unit_.look_at_sockets(); });
    warn_of_choice();
    session_end_.read_budget();
    if (const auto deadline = supervisor_.session_end()) session_end_.resume(*deadline);
  }
  link_.start();
}

void Daemon::warn_of_choice() {
  if (const auto warning = choice_warning(daemon_facts(), libvirt_unit_.daemon()); !warning.empty())
    log::warn("{}", warning);
}

void Daemon::use_config() {
  log::set_level(log_level(config_.config().log_level));
  notifications_.set_enabled(config_.config().notifications);
}

Result<void> Daemon::reload_config() {
  auto reloaded = config_.reload();
  pass_.manager_changed();
  if (!reloaded) {
    log::error("{}", reloaded.error().message);
    return reloaded;
  }
  log::info("Configuration read from {}", config_.path().empty() ? "the built-in defaults" : config_.path());
  use_config();
  tell([&](Moment now) { supervisor_.on_config(config_.config(), now); });
  if (link_.managed()) {
    link_.use_daemon(daemon_for(config_.config()));
    warn_of_choice();
    session_end_.read_budget();
  }
  return {};
}

/// What libvirt, and we, have read of it was in the folder that the mount has covered.
void Daemon::on_home_mounted() {
  if (supervisor_.session_end()) return;
  log::warn("A file system was mounted under {}: VMs, state and configuration are read anew, and what is marked starts",
            config_home() + "/libvirt");
  supervisor_.on_home_mounted();
  state_files_.read_again();
  static_cast<void>(reload_config());
  link_.restart("the home that was mounted", [](const Result<void>& result) {
    if (!result) log::warn("VMs of the home that was mounted are not known: {}", result.error().message);
  });
}

void Daemon::take_late_state() {
  if (const auto lasting = state_files_.take_late())
    tell([&](Moment now) { supervisor_.on_lasting_read(*lasting, now); });
}

void Daemon::fail(int exit_code, const std::string& text) {
  fatal_ = text;
  loop_.quit(exit_code);
}

void Daemon::begin_session_end(SessionEnd::Time deadline) {
  link_.set_stopping(true);
  tell([&](Moment now) { supervisor_.on_session_end(deadline, now); });
}

/// It cannot be asked first: the daemon hangs.
void Daemon::tell_of_loss() {
  if (const auto loss = supervisor_.loss_by_libvirt_restart(); !loss.empty())
    log::warn("Libvirt's daemon hangs and is replaced: {}", loss);
}

/// Somebody at a terminal: while VMs are being stopped, it is to go faster; otherwise VMs are left alone.
void Daemon::interrupt() {
  if (supervisor_.stop_state() == StopState::idle) return loop_.quit(EX_OK);
  tell([&](Moment now) { supervisor_.on_hurry(now); });
}

void Daemon::try_again(const std::string& uuid) {
  VmRequest again;
  again.uuid = uuid;
  again.kind = RequestKind::start;
  again.caller = "a desktop notification";
  api_.request(again, [](const Result<void>&) {});  // how it ends is a phase, and perhaps the next notification
}

std::string Daemon::details(const Notice& notice) const {
  std::string text = notice.text;
  for (const auto& entry : supervisor_.history(notice.uuid, 5))
    text += "\n" + std::string(to_text(entry.phase)) + ": " + entry.reason;
  return text;
}

/// Before the core hears of what was killed.
void Daemon::look_for_memory_kills() {
  if (memory_kills_.any_new()) tell([&](Moment now) { supervisor_.on_memory_kill(now); });
}

void Daemon::on_listed(const std::vector<DomainSnapshot>& domains) {
  look_for_memory_kills();
  take_late_state();
  tell([&](Moment now) { supervisor_.on_listed(domains, now); });
  pass_.manager_changed();
}

void Daemon::on_domain_event(const DomainEvent& event) {
  tell([&](Moment now) { supervisor_.on_domain_event(event, now); });
}

void Daemon::on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) {
  if (!domain || !domain->active()) look_for_memory_kills();
  tell([&](Moment now) { supervisor_.on_domain(uuid, domain, now); });
}

void Daemon::on_run_state(const std::string& uuid, const DomainRunState& state) {
  tell([&](Moment now) { supervisor_.on_run_state(uuid, state, now); });
}

void Daemon::on_job_progress(const std::string& uuid, const JobProgress& progress) {
  tell([&](Moment now) { supervisor_.on_job_progress(uuid, progress, now); });
}

void Daemon::on_addresses(const std::string& uuid, const FoundAddresses& found) {
  tell([&](Moment) { supervisor_.on_addresses(uuid, found); });
}

void Daemon::on_forwards(const std::string& uuid, const ForwardReport& report) {
  supervisor_.on_forwards(uuid, report);
}

void Daemon::on_operation_done(OperationId id, const Result<void>& result) {
  tell([&](Moment now) { supervisor_.on_operation_done(id, result, now); });
}

}  // namespace virtsession
