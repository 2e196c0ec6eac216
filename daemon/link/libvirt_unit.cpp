// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/libvirt_unit.hpp"

#include "util/message_ids.hpp"
#include "util/now.hpp"

#include <csignal>
#include <filesystem>
#include <utility>

namespace virtsession {

namespace {

/// Restart= has it start in a moment. From systemd 254 on, "auto-restart-queued" is a part of that.
bool waits_for_restart(const UnitStatus& status) { return status.sub_state.starts_with("auto-restart"); }

bool is_our_unit(const StrayDaemon& daemon) { return daemon.unit == "virtsession-" + daemon.program + ".service"; }

}  // namespace

LibvirtUnit::LibvirtUnit(EventLoop& loop, UserManager& units, std::string daemon, std::string runtime_dir,
                         FindStray find_stray)
    : units_(units),
      daemon_(std::move(daemon)),
      runtime_dir_(std::move(runtime_dir)),
      find_stray_(std::move(find_stray)),
      ender_(loop),
      stray_logd_(loop, units, runtime_dir_),
      stale_socket_(loop) {}

/// All that follows from a call is bound to it: when another call has come, nothing of it is left.
void LibvirtUnit::bring_up(Verb verb, Done answer) {
  call_.renew();
  Done done = call_.bind(std::move(answer));
  look_at_sockets();
  const auto stray = find_stray_(runtime_dir_, unit());
  if (!stray) return run(verb, std::move(done));
  if (is_our_unit(*stray) && !stopping_) return change_over(*stray, verb, std::move(done));
  if (stray->other_folders.empty()) return take_over(*stray, std::move(done));
  const auto why =
      "its folders are others (" + stray->other_folders + "), so the managed daemon would not find its VMs";
  take_overs_.write(log::Level::warning, {{"MESSAGE_ID", message_id::kTakeOver}},
                    "Not taking over from " + describe(*stray) + ", which a client started: " + why, now().steady);
  supervise(*stray, why, std::move(done));
}

void LibvirtUnit::take_over(const StrayDaemon& stray, Done done) {
  take_overs_.write(log::Level::warning, {{"MESSAGE_ID", message_id::kTakeOver}},
                    "Taking over from " + describe(stray) +
                        (is_our_unit(stray) ? ", the daemon in use before" : ", which a client started"),
                    now().steady);
  ender_.end(stray, call_.bind([this, stray, done = std::move(done)](const Result<void>& ended) {
    if (!ended) return supervise(stray, ended.error().message, done);
    take_overs_.reset();
    unmanaged_.clear();
    stray_logd_.look();
    // Clients of the stray one are cut off, as by any restart. Its socket's file is gone with it, or lies
    // where systemd's should be.
    listen_anew(done);
  }));
}

/// The units of the two conflict, but one would start while the other, which has the locks, still ends. Without its
/// socket, which takes the service along, nobody starts that again.
void LibvirtUnit::change_over(const StrayDaemon& other, Verb verb, Done done) {
  log::info("Changing from {} to {}: {} is stopped, and VMs run on", other.program, daemon_, other.unit);
  units_.stop_unit("virtsession-" + other.program + ".socket",
                   call_.bind([this, verb, done = std::move(done)](const Result<void>& stopped) {
                     if (!stopped) log::warn("{}", stopped.error().message);
                     run(verb, done);
                   }));
}

void LibvirtUnit::run(Verb verb, Done done) {
  unmanaged_.clear();
  stray_logd_.look();
  switch (verb) {
    case Verb::start:
      return start_unit(std::move(done));
    case Verb::restart:
      if (stopping_) return replace_unit(std::move(done));
      return units_.restart_unit(unit(), std::move(done));
    case Verb::replace:
      return replace_unit(std::move(done));
  }
}

void LibvirtUnit::start_unit(Done done) {
  if (stopping_) return start_while_stopping(std::move(done));
  const auto socket = daemon_socket(runtime_dir_, daemon_);
  std::error_code ignored;
  if (!std::filesystem::exists(socket, ignored) || is_stale_socket(socket)) return listen_anew(std::move(done));
  units_.start_unit(unit(), std::move(done));
}

/// A daemon that runs has a stop job that waits for us, and a start would be refused for it. One that was killed just
/// before has it, too: systemd neither stops the unit, which waits for its restart, nor restarts it.
void LibvirtUnit::start_while_stopping(Done done) {
  units_.watch_unit(unit(), call_.bind([this, done = std::move(done)](const UnitStatus& status) {
    const auto now = status;  // which goes with the watch
    units_.unwatch_unit(unit());
    if (now.main_pid != 0) return done({});
    const auto start = [this, done] { units_.start_unit(unit(), done, JobMode::ignore_dependencies); };
    if (!waits_for_restart(now)) return start();
    units_.stop_unit(unit(), call_.bind([start](const Result<void>&) { start(); }), JobMode::ignore_dependencies);
  }));
}

/// A daemon that was not ours removes the socket's file when it ends, or leaves its own in its place, and systemd goes
/// on listening where nobody can reach it. Stopping the socket's unit stops the daemon too, not its VMs.
void LibvirtUnit::listen_anew(Done done) {
  if (stopping_) return start_unit(std::move(done));
  units_.stop_unit(socket_unit(), call_.bind([this, done = std::move(done)](const Result<void>&) {
    units_.start_unit(unit(), done);
  }));
}

/// After the kill the unit may be on its way to a start of its own (Restart=), which a restart joins. While the user
/// manager is stopping there is none: the kill ends the stop job that the unit had, and the way for a start is free.
void LibvirtUnit::replace_unit(Done done) {
  units_.kill_unit(unit(), SIGKILL, call_.bind([this, done = std::move(done)](const Result<void>&) {
    if (stopping_)
      units_.start_unit(unit(), done, JobMode::ignore_dependencies);
    else
      units_.restart_unit(unit(), done);
  }));
}

/// It can be reached as long as the socket's file is its own.
void LibvirtUnit::supervise(const StrayDaemon& stray, const std::string& obstacle, Done done) {
  const auto decide = [this, stray, obstacle, done](bool reachable) {
    const auto who = describe(stray);
    if (!reachable) {
      unmanaged_.clear();
      return done(Error{ErrorCode::operation_failed,
                        unit() + " cannot start beside " + who + ", which a client started: " + obstacle});
    }
    unmanaged_ = "supervising " + who + ", which is not managed by virtsession: " + obstacle +
                 "; it saves all VMs by itself when the host shuts down";
    done({});
  };
  units_.watch_unit(socket_unit(), call_.bind([this, decide](const UnitStatus& socket) {
    units_.unwatch_unit(socket_unit());
    decide(socket.active_state != "active");
  }));
}

std::string LibvirtUnit::uri() const {
  constexpr const char* kSession = "qemu:///session";
  return unmanaged_.empty() ? std::string(kSession) + "?socket=" + daemon_socket(runtime_dir_, daemon_) : kSession;
}

}  // namespace virtsession
