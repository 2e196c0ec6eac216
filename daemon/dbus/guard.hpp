// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <sdbus-c++/Error.h>
#include <sdbus-c++/MethodResult.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// For a catch block around a handler of D-Bus: what to answer for the exception in flight. An sdbus::Error is the
/// answer itself; anything else is not expected, so it is logged and becomes Error.Internal with its text.
/// sdbus-c++ 1.2 ends the process when any other exception leaves a handler. \param what the call, for the log and the
/// answer
sdbus::Error error_in_flight(const std::string& what);

/// Runs a handler that answers by returning. \throws sdbus::Error and nothing else
template <class Handler>
decltype(auto) guarded(const std::string& what, Handler&& handler) {
  try {
    return std::forward<Handler>(handler)();
  } catch (...) {
    throw error_in_flight(what);
  }
}

/// Sends what a method without results answers.
std::function<void(const sdbus::Error* error)> answer_through(sdbus::Result<>&& result);

/// The one answer to one method call. The first answer is sent, later ones are logged and dropped; when nobody has
/// answered by the time the last owner is gone, Error.Internal is sent. So no caller waits for ever, whatever becomes
/// of the request. Main loop's thread only. Nothing here throws: a bus that is gone takes no answers.
class Reply {
 public:
  /// Sends the answer: the results when there is no error.
  using Send = std::function<void(const sdbus::Error* error)>;

  /// \param what the call, for the log and the answer: "Start of VM \"web\""
  Reply(Send send, std::string what);
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void answer(const Result<void>& outcome) noexcept;
  void refuse(const sdbus::Error& error) noexcept;
  /// Answers, if nobody has, with Error.ShuttingDown; answers that come after that are dropped without a word.
  void close() noexcept;
  const std::string& what() const { return what_; }

 private:
  void send(const sdbus::Error* error) noexcept;

  Send send_;  // nothing once answered
  std::string what_;
  bool closed_ = false;
};

/// Runs one step of a call that is answered later; an exception becomes its answer. \throws nothing
template <class Step>
void guarded(Reply& reply, Step&& step) noexcept {
  try {
    std::forward<Step>(step)();
  } catch (...) {
    reply.refuse(error_in_flight(reply.what()));
  }
}

/// The calls that are not answered yet. It must go before the bus connection does, because an unanswered call refers to
/// that; the calls are then answered with Error.ShuttingDown, though others may hold their Reply for longer.
class PendingReplies {
 public:
  PendingReplies() = default;
  ~PendingReplies();
  PendingReplies(const PendingReplies&) = delete;
  PendingReplies& operator=(const PendingReplies&) = delete;

  std::shared_ptr<Reply> open(Reply::Send send, std::string what);

 private:
  std::vector<std::weak_ptr<Reply>> replies_;
};

}  // namespace virtsession
