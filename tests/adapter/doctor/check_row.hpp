// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/finding.hpp"
#include "sample_facts.hpp"

#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace virtsession::test {

/// One thing that is otherwise than on a healthy machine, and the finding that must come of it.
struct CheckRow {
  std::string what;
  std::function<void(DoctorFacts&)> change;
  std::string id;
  Severity severity;
  std::string subject;
  std::string text;  ///< a part of the finding's
  std::string fix;   ///< the whole
};

inline void check_row(const CheckRow& row) {
  CAPTURE(row.what);
  auto facts = healthy();
  row.change(facts);
  const auto found = of(diagnose(facts), row.id);
  std::ostringstream all;
  for (const auto& finding : found) all << finding << '\n';
  const bool seen = std::ranges::any_of(found, [&](const Finding& finding) {
    return finding.severity == row.severity && finding.subject == row.subject &&
           finding.text.find(row.text) != std::string::npos && finding.fix == row.fix;
  });
  CHECK_MESSAGE(seen, "expected " << to_text(row.severity) << " [" << row.subject << "] ..." << row.text << "... {"
                                  << row.fix << "}, found:\n"
                                  << all.str());
}

/// The tables, by theme.
std::vector<CheckRow> session_rows();
std::vector<CheckRow> machine_rows();
std::vector<CheckRow> network_rows();
std::vector<CheckRow> reach_rows();
std::vector<CheckRow> vm_rows();

}  // namespace virtsession::test
