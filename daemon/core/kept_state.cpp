// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/kept_state.hpp"

#include "core/json_text.hpp"
#include "core/utf8.hpp"

namespace virtsession {
namespace {

using nlohmann::json;

/// Of the login's file; another one is of a version that means other things by the same names.
constexpr int kLoginFormat = 1;

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

const json* object_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

/// \return nothing when it is none, or one that this machine will not live to see
std::optional<SteadyTime> steady_in(const json& object, const char* key) {
  constexpr std::uint64_t kMost = 100ULL * 366 * 86400 * 1000000;
  const auto usec = count_in(object, key);
  if (usec == 0 || usec > kMost) return std::nullopt;
  return SteadyTime(std::chrono::microseconds(usec));
}

std::uint64_t usec(SteadyTime time) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  return usec > 0 ? static_cast<std::uint64_t>(usec) : 0;
}

json to_list(const std::vector<Forward>& forwards) {
  auto list = json::array();
  for (const auto& [nic, host, guest_port] : forwards)
    list.push_back(valid_utf8(to_text(PortSpec{.text = {}, .nic = nic, .host = host, .guest_port = guest_port})));
  return list;
}

json to_entry(const KeptVm& vm) {
  auto entry = json{{"id", vm.id}, {"intent", to_text(vm.intent)}};
  if (vm.started_usec > 0) entry["started_usec"] = vm.started_usec;
  if (vm.restart_count > 0) entry["restart_count"] = vm.restart_count;
  if (!vm.last_error.empty()) entry["last_error"] = valid_utf8(vm.last_error);
  if (vm.never_ready) entry["never_ready"] = true;
  if (vm.ready_wait_ordered) entry["ready_wait"] = {{"ordered", *vm.ready_wait_ordered}};
  if (vm.start)
    entry["task"] = {{"cause", valid_utf8(to_text(vm.start->cause))},
                     {"ordered", vm.start->ordered},
                     {"marked", vm.start->marked},
                     {"starting", vm.start->starting},
                     {"asked", vm.start->asked}};
  if (vm.hold)
    entry["hold"] = {
        {"for", to_text(vm.hold->why)}, {"action", to_text(vm.hold->action)}, {"answered", vm.hold->answered}};
  if (!vm.gave_up.empty()) entry["gave_up"] = valid_utf8(vm.gave_up);
  if (vm.since_usec > 0) entry["phase"] = {{"name", to_text(vm.phase)}, {"since_usec", vm.since_usec}};
  if (vm.told_to_shut_down) entry["told_to_shut_down"] = true;
  if (!vm.save_refusal.empty()) entry["save_refusal"] = valid_utf8(vm.save_refusal);
  if (!vm.own_forwards.empty()) entry["own_forwards"] = to_list(vm.own_forwards);
  if (vm.stopping) entry["stopping"] = true;
  if (vm.stop_alone) entry["stop_alone"] = valid_utf8(to_text(*vm.stop_alone));
  return entry;
}

json to_entry(const VmLasting& vm) {
  auto entry = json::object();
  if (vm.save_kib_per_sec > 0) entry["save_kib_per_sec"] = vm.save_kib_per_sec;
  if (vm.shutdown_interrupted) entry["shutdown_interrupted"] = true;
  if (vm.restored_usec > 0) entry["restored_usec"] = vm.restored_usec;
  if (vm.saved_paused) entry["saved_paused"] = true;
  return entry;
}

VmLasting lasting_from(const json& entry) {
  return {count_in(entry, "save_kib_per_sec"), flag_in(entry, "shutdown_interrupted", false),
          count_in(entry, "restored_usec"), flag_in(entry, "saved_paused", false)};
}

json to_entry(const KeptStop& stop) {
  auto entry = json{{"cause", valid_utf8(to_text(stop.cause))}, {"begun_usec", usec(stop.begun)}};
  if (stop.deadline) entry["deadline_usec"] = usec(*stop.deadline);
  return entry;
}

std::optional<KeptStop> stop_from(const json& entry) {
  const auto begun = steady_in(entry, "begun_usec"), deadline = steady_in(entry, "deadline_usec");
  const auto text = text_in(entry, "cause");
  const auto cause = text.empty() ? Cause{CauseKind::session_end} : cause_from_text(text);
  if (!begun || (cause.kind == CauseKind::session_end && !deadline)) return std::nullopt;
  return KeptStop{*begun, deadline, cause};
}

std::set<std::string> texts_in(const json& object, const char* key) {
  std::set<std::string> texts;
  if (const auto list = object.find(key); list != object.end() && list->is_array())
    for (const auto& text : *list)
      if (text.is_string()) texts.insert(text.get<std::string>());
  return texts;
}

std::optional<KeptHold> hold_from(const json& entry) {
  const auto why = from_text<CauseKind>(text_in(entry, "for"));
  const auto action = from_text<HoldAction>(text_in(entry, "action"));
  if (!why || !action) return std::nullopt;
  return KeptHold{{*why}, *action, flag_in(entry, "answered", false)};
}

std::vector<Forward> forwards_from(const json& entry) {
  std::vector<Forward> forwards;
  for (const auto& text : texts_in(entry, "own_forwards"))
    if (const auto spec = parse_port_spec(text)) forwards.push_back({spec->nic, spec->host, spec->guest_port});
  return forwards;
}

std::string wrong(const std::string& name, const json& object, const char* key, const char* expected) {
  const auto found = object.find(key);
  return name + key +
         (found == object.end() ? std::string(" is missing")
                                : " is " + std::string(json_type_name(*found)) + ", not " + expected);
}

bool has_flag(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean();
}

/// What decides about a start has to be as it was written. \return what is not, or empty
std::string entry_problem(const std::string& name, const json& entry) {
  if (!entry.is_object()) return name + " is " + std::string(json_type_name(entry)) + ", not an object";
  const auto id = entry.find("id");
  if (id == entry.end() || !id->is_number_integer()) return wrong(name + "/", entry, "id", "an integer");
  if (!from_text<Intent>(text_in(entry, "intent"))) return name + "/intent is none that is known";
  const auto task = entry.find("task");
  if (task == entry.end()) return {};
  if (!task->is_object()) return wrong(name + "/", entry, "task", "an object");
  if (const auto cause = task->find("cause"); cause == task->end() || !cause->is_string())
    return wrong(name + "/task/", *task, "cause", "a string");
  for (const auto* key : {"ordered", "marked", "starting"})
    if (!has_flag(*task, key)) return wrong(name + "/task/", *task, key, "a boolean");
  return {};
}

KeptVm from_entry(const json& entry) {
  KeptVm vm;
  vm.id = entry.at("id").get<std::int64_t>();
  vm.intent = from_text<Intent>(text_in(entry, "intent")).value_or(Intent::none);
  vm.started_usec = count_in(entry, "started_usec");
  vm.restart_count = static_cast<std::uint32_t>(count_in(entry, "restart_count"));
  vm.last_error = valid_utf8(text_in(entry, "last_error"));
  vm.never_ready = flag_in(entry, "never_ready", false);
  if (const auto* wait = object_in(entry, "ready_wait")) vm.ready_wait_ordered = flag_in(*wait, "ordered", false);
  if (const auto* start = object_in(entry, "task"))
    vm.start =
        KeptStart{cause_from_text(text_in(*start, "cause")), start->at("ordered").get<bool>(),
                  start->at("marked").get<bool>(), start->at("starting").get<bool>(), flag_in(*start, "asked", false)};
  if (const auto* hold = object_in(entry, "hold")) vm.hold = hold_from(*hold);
  vm.gave_up = text_in(entry, "gave_up");
  if (const auto* phase = object_in(entry, "phase")) {
    vm.phase = from_text<Phase>(text_in(*phase, "name")).value_or(Phase::unknown);
    vm.since_usec = count_in(*phase, "since_usec");
  }
  vm.told_to_shut_down = flag_in(entry, "told_to_shut_down", false);
  vm.save_refusal = valid_utf8(text_in(entry, "save_refusal"));
  vm.own_forwards = forwards_from(entry);
  vm.stopping = flag_in(entry, "stopping", false);
  if (const auto cause = text_in(entry, "stop_alone"); !cause.empty()) vm.stop_alone = cause_from_text(cause);
  return vm;
}

}  // namespace

KeptState to_state(const Kept& kept) { return KeptStates().next(kept); }

const KeptState& KeptStates::next(Kept kept) {
  state_.lasting = {{"up", kept.up}};
  for (const auto& [uuid, vm] : kept.lasting)
    if (auto entry = to_entry(vm); !entry.empty()) state_.lasting["vms"][uuid] = std::move(entry);
  auto vms = json::object();
  if (const auto known = state_.login.find("vms"); known != state_.login.end()) vms = std::move(*known);
  state_.login = json::object();
  if (kept.session_over) {
    vms_.clear();
    return state_;
  }
  for (const auto& [uuid, vm] : kept.vms)
    if (const auto known = vms_.find(uuid); known == vms_.end() || known->second != vm) vms[uuid] = to_entry(vm);
  for (const auto& [uuid, vm] : vms_)
    if (!kept.vms.contains(uuid)) vms.erase(uuid);
  vms_ = std::move(kept.vms);
  state_.login = {{"format", kLoginFormat}, {"autostart_begun", kept.autostart_begun}};
  state_.login["vms"] = std::move(vms);
  if (kept.first_listed_usec > 0) state_.login["first_listed_usec"] = kept.first_listed_usec;
  if (kept.stop) state_.login["stop"] = to_entry(*kept.stop);
  if (kept.power != HostPower::unknown) state_.login["power"] = to_text(kept.power);
  return state_;
}

std::string login_problem(const json& login) {
  if (!login.is_object()) return "it is " + std::string(json_type_name(login)) + ", not an object";
  if (const auto format = login.find("format"); format != login.end() && *format != kLoginFormat)
    return "its format " + format->dump() + " is not known";
  if (!has_flag(login, "autostart_begun")) return wrong("", login, "autostart_begun", "a boolean");
  const auto* vms = object_in(login, "vms");
  if (!vms) return wrong("", login, "vms", "an object");
  for (const auto& [uuid, entry] : vms->items())
    if (auto problem = entry_problem("vms/" + uuid, entry); !problem.empty()) return problem;
  return {};
}

Kept from_state(const KeptState& state) {
  Kept kept;
  kept.autostart_begun = !state.login_is_new();  // also when it cannot be used
  if (!state.login_is_new() && login_problem(state.login).empty()) {
    kept.autostart_begun = state.login.at("autostart_begun").get<bool>();
    kept.first_listed_usec = count_in(state.login, "first_listed_usec");
    for (const auto& [uuid, entry] : state.login.at("vms").items()) kept.vms.emplace(uuid, from_entry(entry));
    if (const auto* stop = object_in(state.login, "stop")) kept.stop = stop_from(*stop);
    kept.power = from_text<HostPower>(text_in(state.login, "power")).value_or(HostPower::unknown);
  }
  kept.up = texts_in(state.lasting, "up");
  if (const auto* vms = object_in(state.lasting, "vms"))
    for (const auto& [uuid, entry] : vms->items())
      if (entry.is_object()) kept.lasting.emplace(uuid, lasting_from(entry));
  return kept;
}

}  // namespace virtsession
