// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cause.hpp"

namespace virtsession {

std::string to_text(const Cause& cause) {
  return cause.kind == CauseKind::request ? cause.who.name : std::string(to_text(cause.kind));
}

std::string reason_text(const Cause& cause) {
  return (cause.kind == CauseKind::request ? "asked for by " : "because of ") + to_text(cause);
}

std::string purpose_text(const Cause& cause) {
  const bool is_state = cause.kind == CauseKind::on_battery || cause.kind == CauseKind::low_battery;
  return (is_state ? "on " : "for ") + to_text(cause);
}

Cause cause_from_text(const std::string& text) {
  const auto kind = from_text<CauseKind>(text);
  return kind ? Cause{*kind} : asked_by(text);
}

}  // namespace virtsession
