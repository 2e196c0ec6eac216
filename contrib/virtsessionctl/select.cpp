// SPDX-License-Identifier: LGPL-2.1-or-later
#include "select.hpp"

#include "core/json_text.hpp"
#include "core/vm.hpp"
#include "exit_code.hpp"
#include "text.hpp"
#include "util/shell_word.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <set>

namespace virtsession::ctl {
namespace {

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::vector<VmInfo> matches(const std::vector<VmInfo>& vms, const std::string& pattern) {
  for (const auto& vm : vms)
    if (vm.name() == pattern) return {vm};
  const auto uuid = canonical_uuid(pattern);
  for (const auto& vm : vms)
    if (vm.uuid() == uuid) return {vm};
  std::vector<VmInfo> found;
  if (!is_pattern(pattern)) return found;
  for (const auto& vm : vms)
    if (fnmatch(pattern.c_str(), vm.name().c_str(), 0) == 0) found.push_back(vm);
  return found;
}

std::string nothing_fits(const std::vector<VmInfo>& vms, const std::string& pattern) {
  if (is_pattern(pattern)) return "no VM's name fits " + quote(pattern);
  std::vector<std::string> names;
  for (const auto& vm : vms) names.push_back(vm.name());
  return "no VM has the name or uuid " + quote(pattern) + suggestion(pattern, names);
}

}  // namespace

std::string quote(std::string_view name) { return "\"" + printable(name) + "\""; }

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const auto meant = closest_match(word, views);
  return meant.empty() ? "" : "; did you mean " + quote(meant) + "?";
}

std::string command_word(const VmInfo& vm) {
  const auto name = vm.name();
  return printable(name) == name && !name.starts_with('-') ? shell_word(name) : vm.uuid();
}

std::vector<VmInfo> select_vms(const std::vector<VmInfo>& vms, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return vms;
  std::vector<VmInfo> selected;
  std::set<std::string> seen;
  std::string problems;
  for (const auto& pattern : patterns) {
    const auto found = matches(vms, pattern);
    if (found.empty()) problems += (problems.empty() ? "" : "; ") + nothing_fits(vms, pattern);
    for (const auto& vm : found)
      if (seen.insert(vm.uuid()).second) selected.push_back(vm);
  }
  if (!problems.empty())
    throw Failure(kNoSuchVm, problems,
                  vms.empty() ? "You have no virtual machines; see  virtsessionctl status"
                              : "Those that there are:  virtsessionctl list");
  return selected;
}

bool is_selected(const VmInfo& vm, const std::vector<std::string>& patterns) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return !matches({vm}, pattern).empty(); });
}

VmInfo select_vm(const std::vector<VmInfo>& vms, const std::string& pattern) {
  auto found = select_vms(vms, {pattern});
  if (found.size() == 1) return found.front();
  std::string names;
  for (const auto& vm : found) names += (names.empty() ? "" : ", ") + quote(vm.name());
  throw Failure(kUsage, quote(pattern) + " fits several VMs, and one is wanted: " + names);
}

}  // namespace virtsession::ctl
