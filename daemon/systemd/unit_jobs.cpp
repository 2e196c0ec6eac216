// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/unit_jobs.hpp"

#include "core/enum_text.hpp"
#include "systemd/scope_properties.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <utility>

namespace virtsession {

namespace {

struct VerbNames {
  const char* method;
  const char* text;
};

VerbNames names_of(UnitVerb verb) {
  switch (verb) {
    case UnitVerb::start:
      return {"StartUnit", "start"};
    case UnitVerb::stop:
      return {"StopUnit", "stop"};
    case UnitVerb::restart:
      return {"RestartUnit", "restart"};
  }
  return {"", ""};
}

Error failure(std::string message) { return {ErrorCode::operation_failed, std::move(message)}; }

}  // namespace

void UnitJobs::queue(UnitVerb verb, const std::string& unit, const std::string& mode, Done done) {
  call(names_of(verb).method, {verb, unit, std::move(done)}, unit, mode);
}

void UnitJobs::queue_scope(const ScopeSpec& spec, const std::vector<pid_t>& pids, Done done) {
  using AuxiliaryUnits = std::vector<sdbus::Struct<std::string, UnitProperties>>;
  call("StartTransientUnit", {UnitVerb::start, spec.unit, std::move(done)}, spec.unit, std::string("fail"),
       scope_properties(spec, pids), AuxiliaryUnits{});
}

template <class... Arguments>
void UnitJobs::call(const char* method, Job job, const Arguments&... arguments) {
  ++replies_due_;
  caller_.call_for<sdbus::ObjectPath>(
      manager_, kManagerInterface, method,
      [this, job = std::move(job)](const sdbus::Error* error, const sdbus::ObjectPath& path) {
        --replies_due_;
        if (error == nullptr)
          queued(path, job);
        else
          answer_(job.done,
                  failure(fmt::format("Failed to {} {}: {}", names_of(job.verb).text, job.unit, error->getMessage())));
        if (replies_due_ == 0) early_.clear();
      },
      arguments...);
}

void UnitJobs::queued(const std::string& path, Job job) {
  if (const auto early = early_.find(path); early != early_.end())
    finish(job, early->second);
  else
    jobs_.emplace(path, std::move(job));
}

void UnitJobs::removed(const std::string& job, const std::string& result) {
  if (replies_due_ > 0) early_[job] = result;
  const auto [first, last] = jobs_.equal_range(job);
  const std::multimap<std::string, Job> ended(first, last);
  jobs_.erase(first, last);
  for (const auto& [path, entry] : ended) finish(entry, result);
}

void UnitJobs::finish(const Job& job, const std::string& result) {
  if (result == "done") return answer_(job.done, {});
  // What a person wants to know is the unit's own result, which is there by now.
  reader_.read_once(job.unit, [this, job, result](const std::optional<UnitStatus>& status) {
    answer_(job.done, failure(job_failure(job.unit, job.verb, result, status ? status->result : std::string())));
  });
}

void UnitJobs::finish_unseen(const Job& job) {
  reader_.read_once(job.unit, [this, job](const std::optional<UnitStatus>& status) {
    if (status && fulfils(*status, job.verb)) return answer_(job.done, {});
    answer_(job.done, failure(job_failure(job.unit, job.verb, "failed", status ? status->result : std::string())));
  });
}

void UnitJobs::recheck() {
  if (jobs_.empty()) return;
  using Row = sdbus::Struct<std::uint32_t, std::string, std::string, std::string, sdbus::ObjectPath, sdbus::ObjectPath>;
  constexpr std::size_t kJobPath = 4;
  caller_.call_for<std::vector<Row>>(manager_, kManagerInterface, "ListJobs",
                                     [this](const sdbus::Error* error, const std::vector<Row>& rows) {
                                       if (error != nullptr) return;  // away again: that has its own end
                                       std::set<std::string> present;
                                       for (const auto& row : rows) present.insert(std::get<kJobPath>(row));
                                       std::vector<Job> unseen;
                                       for (auto job = jobs_.begin(); job != jobs_.end();) {
                                         if (present.contains(job->first)) {
                                           ++job;
                                           continue;
                                         }
                                         unseen.push_back(std::move(job->second));
                                         job = jobs_.erase(job);
                                       }
                                       for (const auto& job : unseen) finish_unseen(job);
                                     });
}

void UnitJobs::fail_all(const std::string& message) {
  for (auto& [path, job] : std::exchange(jobs_, {})) answer_(std::move(job.done), failure(message));
}

}  // namespace virtsession
