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
  const auto up = kept.lasting.find("up");
  if (autostart_begun_ || up == kept.lasting.end() || !up->is_array()) return;
  for (const auto& uuid : *up)
    if (uuid.is_string()) was_running_.insert(uuid.get<std::string>());
}

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
    if (record.phase == Phase::gave_up) entry["gave_up"] = storable(record.phase_reason);
    kept.login["vms"][uuid] = std::move(entry);
    if (record.intent == Intent::up && record.domain.persistent) up.push_back(uuid);
  }
  // Until the first list was read, what ran at the last stop is still what is known.
  if (!autostart_begun_) up = was_running_;
  kept.lasting = {{"up", std::move(up)}};
  return kept;
}

}  // namespace virtsession
