// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "core/supervisor.hpp"

// The policies of VMs: from the configuration, their metadata, and what people ask for.

namespace virtsession {

using nlohmann::json;

void Supervisor::on_config(Config config, Moment now) {
  config_ = std::move(config);
  history_.set_size(static_cast<std::size_t>(config_.history_size));
  for (auto& [uuid, record] : vms_) {
    changed_.insert(uuid);
    read_policy(record);
  }
  check_dependencies();
  advance(now);
}

void Supervisor::read_policy(Record& record) {
  const auto problems_before = std::exchange(record.policy_problems, {});
  record.overrides = json::object();
  record.overrides_raw = json::object();
  if (!record.domain.policy_error.empty()) record.policy_problems.push_back({"", record.domain.policy_error, ""});
  if (record.domain.policy_text) {
    auto read = read_policy_text(*record.domain.policy_text);
    record.overrides_raw = std::move(read.raw);
    record.overrides = std::move(read.keys.used);
    record.policy_problems.insert(record.policy_problems.end(), read.keys.problems.begin(), read.keys.problems.end());
  }
  // What libvirt is about to be told: a further change builds on it.
  for (const auto& [id, call] : record.calls)
    if (call.operation.kind == OperationKind::set_policy)
      record.overrides_raw = json::parse(call.operation.policy_text.value_or("{}"));
  const auto delay_before = record.policy.start_delay_sec;
  record.policy = Policy{};
  apply_policy(record.policy, config_.defaults);
  apply_policy(record.policy, record.overrides);
  dependencies_stale_ = true;
  if (record.task && record.task->stage == StartStage::delayed && record.policy.start_delay_sec != delay_before) {
    record.task->stage = StartStage::queued;
    record.task->delay_over = false;
  }
  if (record.policy_problems == problems_before) return;
  if (!record.policy_problems.empty()) {
    const auto text = to_text(record.policy_problems);
    journal(Incident::bad_policy, record, "its policy has errors, and what is wrong is not used: " + text);
    notify(Incident::bad_policy, record, text);
  } else {
    actions_.push_back(WithdrawNotice{Incident::bad_policy, record.domain.uuid});
  }
}

/// The metadata's text after a request, so that one key is changed and the others stay, also those that are not known
/// here. Empty: the element goes.
Result<std::string> Supervisor::merged_policy(const Record& record, const VmRequest& request) const {
  const auto quoted = "VM " + in_quotes(record.domain.name);
  if (request.kind == RequestKind::clear_policy && request.keys.empty()) return std::string();
  if (!record.overrides_raw.is_object() || !record.domain.policy_error.empty())
    return Error{ErrorCode::invalid_policy, quoted + " carries a policy that cannot be read; ClearPolicy removes it: " +
                                                to_text(record.policy_problems)};
  auto merged = record.overrides_raw;
  if (request.kind == RequestKind::clear_policy) {
    for (const auto& key : request.keys)
      if (merged.erase(key) == 0 && policy_key_schema(key).is_null())
        return Error{ErrorCode::invalid_policy,
                     "there is no policy key \"" + key + "\", and " + quoted + " does not carry it"};
  } else {
    const auto checked = check_policy(request.policy);
    if (!checked.problems.empty()) return Error{ErrorCode::invalid_policy, to_text(checked.problems)};
    merged.update(checked.used);
  }
  return merged.empty() ? std::string() : merged.dump();
}

void Supervisor::request_policy(Record& record, RequestId id, const VmRequest& request) {
  const auto text = merged_policy(record, request);
  if (!text) return answer(id, text.error());
  Operation operation{.uuid = record.domain.uuid, .kind = OperationKind::set_policy};
  if (!text->empty()) operation.policy_text = *text;
  // A second change may follow before libvirt has told of this one: it builds on it.
  record.overrides_raw = text->empty() ? json::object() : json::parse(*text);
  call(record, std::move(operation), request.caller, {id});
}

}  // namespace virtsession
