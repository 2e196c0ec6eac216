// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace virtsession {

/// The one table between an enum and its text. Row i must be the enumerator of value i, which `complete()` checks,
/// so that a new enumerator without a text does not compile.
template <class E, std::size_t N>
struct EnumText {
  std::array<std::pair<E, std::string_view>, N> rows;

  constexpr bool complete() const {
    for (std::size_t i = 0; i < N; ++i)
      if (static_cast<std::size_t>(rows[i].first) != i || rows[i].second.empty()) return false;
    return true;
  }
};

/// Specialise for every enum that meets text: `template <> inline constexpr auto kEnumText<E> = EnumText<E,
/// N>{{{...}}};`
template <class E>
inline constexpr int kEnumText = 0;

template <class E>
constexpr std::string_view to_text(E value) {
  constexpr auto& table = kEnumText<E>;
  static_assert(table.complete(), "enum table is not in the order of the enumerators");
  return table.rows[static_cast<std::size_t>(value)].second;
}

template <class E>
constexpr std::optional<E> from_text(std::string_view text) {
  for (const auto& [value, name] : kEnumText<E>.rows)
    if (name == text) return value;
  return std::nullopt;
}

}  // namespace virtsession
