// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain.hpp"

#include <algorithm>

namespace virtsession {

std::string canonical_uuid(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool is_being_moved(const DomainSnapshot& domain) {
  return !domain.active() && (domain.move_mark == "leaving" || domain.move_mark == "arriving");
}

std::string why_moved_away(const DomainSnapshot& domain) {
  if (!is_being_moved(domain)) return {};
  const bool leaves = domain.move_mark == "leaving";
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  };
  // A uuid needs no quotes in a shell.
  const bool plain = !domain.name.starts_with('-') && std::ranges::all_of(domain.name, is_plain);
  const auto command = "virtsessionctl move " + (plain ? domain.name : domain.uuid);
  return "it is being moved " + std::string(leaves ? "to" : "from") +
         " qemu:///system; a move that was interrupted is continued by \"" + command +
         " --resume\" and taken back by \"" + command + " --undo\"";
}

}  // namespace virtsession
