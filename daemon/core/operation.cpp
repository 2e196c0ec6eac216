// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/operation.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

template <std::size_t... kIndex>
Call nth(std::size_t index, std::index_sequence<kIndex...>) {
  Call call;
  static_cast<void>(((kIndex == index && (call.emplace<kIndex>(), true)) || ...));
  return call;
}

}  // namespace

int JobProgress::per_cent() const {
  const auto part = static_cast<double>(processed_bytes) / static_cast<double>(total_bytes);
  return static_cast<int>(100 * std::min(part, 1.0));
}

Call plain_call(OperationKind kind) {
  return nth(static_cast<std::size_t>(kind), std::make_index_sequence<std::variant_size_v<Call>>());
}

}  // namespace virtsession
