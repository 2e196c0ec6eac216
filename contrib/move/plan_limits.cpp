// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace virtsession::move {
namespace {

constexpr std::int64_t kMaxWeight = 10000;

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

void keep_as(Planning& planning, const std::string& what, const char* key, std::int64_t value) {
  if (planning.inside_snapshot) return;
  planning.policy[key] = value;
  planning.keep(what, std::string("kept as virtsession's policy ") + key + "=" + std::to_string(value));
}

/// Removes an element that may be empty by then.
void remove_if_empty(Planning& planning, const char* name) {
  auto* element = child_to_change(planning.domain, name);
  if (!element) return;
  for (const xmlNode* node = element->children; node; node = node->next)
    if (node->type == XML_ELEMENT_NODE) return;
  remove(element);
}

}  // namespace

void plan_cpu_limits(Planning& planning) {
  auto* tune = child_to_change(planning.domain, "cputune");
  if (!tune || !planning.to_session()) return;
  // libvirt writes shares as they are into cgroup v2's cpu.weight, which is the policy's cpu_weight.
  if (const auto shares = number(text_at(tune, "shares"))) {
    remove_children(tune, "shares");
    keep_as(planning, "cputune shares", "cpu_weight", std::clamp<std::int64_t>(*shares, 1, kMaxWeight));
  }
  for (const char* name : {"period", "quota", "global_period", "global_quota", "emulator_period", "emulator_quota",
                           "iothread_period", "iothread_quota"})
    if (remove_children(tune, name) > 0)
      planning.lose(std::string("cputune ") + name, "a session cannot limit the processor's time");
  for (const char* name : {"vcpusched", "iothreadsched", "emulatorsched", "cachetune", "memorytune"})
    if (remove_children(tune, name) > 0) planning.lose(std::string("cputune ") + name, "needs root");
  remove_if_empty(planning, "cputune");
}

void plan_memory_limits(Planning& planning) {
  auto* tune = child_to_change(planning.domain, "memtune");
  if (!tune || !planning.to_session()) return;
  const auto hard = number(text_at(tune, "hard_limit")), soft = number(text_at(tune, "soft_limit"));
  if (const auto kib = soft ? soft : hard)  // libvirt writes KiB
    keep_as(planning, soft ? "memtune soft_limit" : "memtune hard_limit", "memory_high_mib",
            std::clamp<std::int64_t>(*kib / 1024, 1, std::int64_t{1} << 30));
  if (hard && soft) planning.lose("memtune hard_limit", "a session cannot set it");
  if (!text_at(tune, "swap_hard_limit").empty()) planning.lose("memtune swap_hard_limit", "a session cannot set it");
  remove(tune);
}

void plan_io_limits(Planning& planning) {
  auto* tune = child_to_change(planning.domain, "blkiotune");
  if (!tune || !planning.to_session()) return;
  if (const auto weight = number(text_at(tune, "weight")))
    keep_as(planning, "blkiotune weight", "io_weight", std::clamp<std::int64_t>(*weight, 1, kMaxWeight));
  if (child(tune, "device")) planning.lose("blkiotune device", "a session cannot limit single devices");
  remove(tune);
}

void plan_memory_backing(Planning& planning) {
  if (!planning.to_session()) return;
  if (auto* backing = child_to_change(planning.domain, "memoryBacking")) {
    if (remove_children(backing, "hugepages") > 0)
      planning.lose("hugepages", "a session has none: ordinary memory is used");
    if (remove_children(backing, "locked") > 0) planning.lose("locked memory", "a session may not lock so much of it");
    remove_if_empty(planning, "memoryBacking");
  }
  if (remove_children(planning.domain, "resource") > 0)
    planning.lose("resource", "the cgroup is virtsession's: each VM has a scope below virtsession.slice");
  if (remove_children(planning.domain, "perf") > 0) planning.lose("perf", "its events need root");
}

}  // namespace virtsession::move
