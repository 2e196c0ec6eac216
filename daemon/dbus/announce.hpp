// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"
#include "util/log.hpp"
#include "util/sdbus_compat.hpp"

#include <string>
#include <vector>

namespace virtsession {

/// Sends a signal with `send`. A bus that is gone is not this signal's matter: whoever drives the connection notices.
template <class Send>
void announce(const char* what, Send&& send) noexcept {
  try {
    send();
  } catch (const std::exception& error) {
    log::warn("Failed to announce {}: {}", what, error.what());
  }
}

/// One PropertiesChanged with the named properties and their values, or no signal when there are none.
inline void announce_changes(sdbus::IObject& object, const char* interface, const std::vector<std::string>& names) {
  // sdbus-c++ would take an empty list as all of them.
  if (names.empty()) return;
  announce("changed properties", [&] { sdbus_compat::emit_properties_changed(object, interface, names); });
}

/// a(sss): pointer, text, suggestion
inline std::vector<sdbus::Struct<std::string, std::string, std::string>> to_rows(const std::vector<Problem>& problems) {
  std::vector<sdbus::Struct<std::string, std::string, std::string>> rows;
  for (const Problem& problem : problems) rows.emplace_back(problem.pointer, problem.text, problem.suggestion);
  return rows;
}

}  // namespace virtsession
