// SPDX-License-Identifier: LGPL-2.1-or-later
#include "findings_view.hpp"

#include "texts/translate.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <array>

namespace virtsession::window {
namespace {

using namespace texts;

struct Severity {
  const char* name;
  Plural title;
  const char* icon;
};

constexpr std::array kSeverities{
    Severity{"problem", NP_("{} Problem", "{} Problems"), "dialog-error-symbolic"},
    Severity{"warning", NP_("{} Warning", "{} Warnings"), "dialog-warning-symbolic"},
    Severity{"note", NP_("{} Note", "{} Notes"), "dialog-information-symbolic"},
    Severity{"ok", NP_("{} Check Is Well", "{} Checks Are Well"), "object-select-symbolic"},
};

}  // namespace

std::vector<FindingGroup> groups_of(const std::vector<Finding>& findings) {
  std::vector<FindingGroup> groups;
  for (const auto& severity : kSeverities) {
    FindingGroup group{severity.name, {}, severity.icon, {}};
    for (const auto& finding : findings) {
      if (finding.severity != severity.name) continue;
      group.findings.push_back(finding);
      group.findings.back().text = standing_alone(finding.text);
    }
    if (group.findings.empty()) continue;
    group.title = filled(ngettext_(severity.title, group.findings.size()), group.findings.size());
    groups.push_back(std::move(group));
  }
  return groups;
}

bool is_all_well(const std::vector<Finding>& findings) {
  return std::ranges::all_of(findings, [](const auto& one) { return one.severity == "ok" || one.severity == "note"; });
}

}  // namespace virtsession::window
