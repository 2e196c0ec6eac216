// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

// What one instance leaves for the next, in two files that anything may have happened to: whatever is not of the type
// that is expected counts as not there.

namespace virtsession {
namespace {

using nlohmann::json;

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

std::uint64_t count_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

/// \return nothing when it is none, or one that this machine will not live to see
std::optional<SteadyTime> steady_in(const json& object, const char* key) {
  constexpr std::uint64_t kMost = 100ULL * 366 * 86400 * 1000000;
  const auto usec = count_in(object, key);
  if (usec == 0 || usec > kMost) return std::nullopt;
  return SteadyTime(std::chrono::microseconds(usec));
}

struct KeptStop {
  SteadyTime begun, deadline;
};

std::optional<KeptStop> kept_stop(const json& login) {
  const auto stop = login.find("stop");
  if (stop == login.end() || !stop->is_object()) return std::nullopt;
  const auto begun = steady_in(*stop, "begun_usec"), deadline = steady_in(*stop, "deadline_usec");
  if (!begun || !deadline) return std::nullopt;
  return KeptStop{*begun, *deadline};
}

std::uint64_t usec(SteadyTime time) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  return usec > 0 ? static_cast<std::uint64_t>(usec) : 0;
}

/// Texts of libvirt need not be UTF-8, and a file must be.
std::string storable(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

}  // namespace

Supervisor::Supervisor(Config config, const KeptState& kept, std::uint32_t seed)
    : config_(std::move(config)), history_(static_cast<std::size_t>(config_.history_size)), backoff_(seed) {
  autostart_begun_ = flag_in(kept.login, "autostart_begun", false);
  const auto vms = kept.login.find("vms");
  restored_vms_ = vms != kept.login.end() && vms->is_object() ? *vms : json::object();
  std::set<std::string> was_up;
  if (const auto up = kept.lasting.find("up"); up != kept.lasting.end() && up->is_array())
    for (const auto& uuid : *up)
      if (uuid.is_string()) was_up.insert(uuid.get<std::string>());
  if (const auto stop = kept_stop(kept.login))
    stop_run_ = StopRun{
        .cause = kSessionEnd, .ends_session = true, .deadline = stop->deadline, .begun = stop->begun, .up = was_up};
  if (!autostart_begun_) was_running_ = std::move(was_up);
}

bool Supervisor::is_in_stop(const KeptState& kept) { return kept_stop(kept.login).has_value(); }

/// The last instance left word of the VM: what happened meanwhile is the difference. \return whether it did
bool Supervisor::restore(Record& record, Moment now) {
  const auto found = restored_vms_.find(record.domain.uuid);
  if (found == restored_vms_.end() || !found->is_object()) return false;
  const auto& kept = *found;
  const auto id = kept.find("id");
  if (id == kept.end() || !id->is_number_integer()) return false;
  const bool ran = id->get<std::int64_t>() >= 0;
  const bool same_run = record.domain.active() && id->get<std::int64_t>() == record.domain.id;
  record.intent = from_text<Intent>(text_in(kept, "intent")).value_or(Intent::none);
  record.restart_count = static_cast<std::uint32_t>(count_in(kept, "restart_count"));
  record.last_error = storable(text_in(kept, "last_error"));
  if (const auto action = from_text<SleepAction>(text_in(kept, "asleep"))) record.asleep = SleepTask{*action, {}};
  if (const auto task = kept.find("task"); task != kept.end() && task->is_object()) {
    record.task = StartTask{.cause = text_in(*task, "cause"),
                            .ordered = flag_in(*task, "ordered", true),
                            .marked = flag_in(*task, "marked", true)};
    if (!record.task->ordered) {
      record.task->stage = StartStage::backoff;
      record.task->until = now.steady + from_seconds(record.policy.restart_delay_sec);
    }
    if (flag_in(*task, "starting", false)) record.phase = Phase::starting;
  }
  if (same_run) {
    record.task.reset();
    record.intent = Intent::up;
    record.started_usec = count_in(kept, "started_usec");
    record.never_ready = flag_in(kept, "never_ready", false);
    if (const auto wait = kept.find("ready_wait"); wait != kept.end())
      begin_ready_wait(record, flag_in(*wait, "ordered", false), now);
    if (record.ready_wait)
      set_phase(record, Phase::waiting_ready, "waits to be ready: " + to_text(record.policy.start_ready), "policy",
                now);
    settle_active(record, kFirstSeen, now);
  } else if (record.domain.active()) {
    started(record, start_cause(record), now);
  } else if (record.task) {
    const bool ordered = record.task->ordered;
    set_phase(record, ordered ? Phase::queued : Phase::backoff, ordered ? "waits for its turn" : "restart follows",
              record.task->cause, now);
  } else if (ran) {
    stopped(record, now);
  } else if (const auto reason = text_in(kept, "gave_up"); !reason.empty()) {
    set_phase(record, Phase::gave_up, reason, "policy", now);
  } else {
    return false;
  }
  return true;
}

KeptState Supervisor::kept_state() const {
  KeptState kept;
  if (session_over()) {  // the next login begins anew, even if the runtime folder is still there
    kept.lasting = {{"up", stop_run_->up}};
    return kept;
  }
  kept.login = {{"autostart_begun", autostart_begun_}, {"vms", restored_vms_}};
  auto up = json::array();
  for (const auto& [uuid, record] : vms_) {
    auto entry = json{{"id", record.domain.id}, {"intent", to_text(record.intent)}};
    if (record.started_usec > 0) entry["started_usec"] = record.started_usec;
    if (record.restart_count > 0) entry["restart_count"] = record.restart_count;
    if (!record.last_error.empty()) entry["last_error"] = storable(record.last_error);
    if (record.never_ready) entry["never_ready"] = true;
    if (record.ready_wait) entry["ready_wait"] = {{"ordered", record.ready_wait->ordered}};
    if (record.task)
      entry["task"] = {{"cause", storable(record.task->cause)},
                       {"ordered", record.task->ordered},
                       {"marked", record.task->marked},
                       {"starting", record.phase == Phase::starting}};
    if (record.asleep) entry["asleep"] = to_text(record.asleep->action);
    if (record.phase == Phase::gave_up) entry["gave_up"] = storable(record.phase_reason);
    kept.login["vms"][uuid] = std::move(entry);
    if (record.intent == Intent::up && record.domain.persistent) up.push_back(uuid);
  }
  // Until the first list was read, what ran at the last stop is still what is known.
  if (!autostart_begun_) up = was_running_;
  // What is stopped for the end of the session goes on at the next login.
  if (stop_run_ && stop_run_->ends_session) {
    up = stop_run_->up;
    kept.login["stop"] = {{"deadline_usec", usec(*stop_run_->deadline)}, {"begun_usec", usec(stop_run_->begun)}};
  }
  kept.lasting = {{"up", std::move(up)}};
  return kept;
}

}  // namespace virtsession
