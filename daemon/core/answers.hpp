// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/request.hpp"
#include "core/result.hpp"

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace virtsession {

class Outbox;

// What a request can wait for.
struct CallEnds {
  OperationId id = 0;
  auto operator<=>(const CallEnds&) const = default;
};
struct VmIsOff {
  std::string uuid;
  auto operator<=>(const VmIsOff&) const = default;
};
/// It was told to shut down.
struct GuestIsAsked {
  std::string uuid;
  auto operator<=>(const GuestIsAsked&) const = default;
};
/// Its stop by its policy, alone or with all VMs, has ended.
struct VmStopEnds {
  std::string uuid;
  auto operator<=>(const VmStopEnds&) const = default;
};
struct StartsSettle {
  auto operator<=>(const StartsSettle&) const = default;
};
struct StopEnds {
  auto operator<=>(const StopEnds&) const = default;
};
using WaitsFor = std::variant<CallEnds, VmIsOff, GuestIsAsked, VmStopEnds, StartsSettle, StopEnds>;

/// Who waits for an answer, and for what. Every request is answered exactly once: at once, or when what it waits for
/// has come, or when its time is up.
class Answers {
 public:
  explicit Answers(Outbox& outbox) : outbox_(outbox) {}

  /// Answers a request that waits for nothing.
  void give(RequestId request, Result<void> result);
  /// \param deadline until when it waits; nothing: until close()
  void open(RequestId request, WaitsFor what, std::optional<SteadyTime> deadline = std::nullopt);
  /// It has come, or never will: all that wait for it are answered.
  void close(const WaitsFor& what, const Result<void>& result);
  /// Answers those whose time is up with `late`.
  void expire(const WaitsFor& what, SteadyTime now, const Error& late);
  bool any(const WaitsFor& what) const { return waiting_.contains(what); }
  /// The first deadline of those that wait for it.
  std::optional<SteadyTime> first_deadline(const WaitsFor& what) const;

 private:
  struct Waiting {
    RequestId request = 0;
    std::optional<SteadyTime> deadline;
  };

  Outbox& outbox_;
  std::map<WaitsFor, std::vector<Waiting>> waiting_;
};

}  // namespace virtsession
