// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/guard.hpp"

#include "dbus/errors.hpp"
#include "util/log.hpp"

#include <exception>

namespace virtsession {

sdbus::Error error_in_flight(const std::string& what) {
  std::string text;
  try {
    throw;
  } catch (const sdbus::Error& error) {
    return error;
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    text = "an exception of unknown type";
  }
  log::error("{} failed unexpectedly: {}", what, text);
  return to_dbus_error({ErrorCode::internal, what + " failed unexpectedly: " + text});
}

Reply::Reply(sdbus::Result<>&& result, std::string what) : result_(std::move(result)), what_(std::move(what)) {}

Reply::~Reply() {
  if (!result_) return;
  log::error("{} was dropped without an answer", what_);
  answer(Error{ErrorCode::internal, what_ + " was dropped without an answer"});
}

void Reply::answer(const Result<void>& outcome) noexcept {
  send([&](const sdbus::Result<>& result) {
    if (outcome)
      result.returnResults();
    else
      result.returnError(to_dbus_error(outcome.error()));
  });
}

void Reply::refuse(const sdbus::Error& error) noexcept {
  send([&](const sdbus::Result<>& result) { result.returnError(error); });
}

void Reply::close() noexcept {
  closed_ = true;
  if (result_) answer(Error{ErrorCode::shutting_down, "virtsessiond is stopping"});
}

template <class Send>
void Reply::send(Send&& send) noexcept {
  if (!result_) {
    if (!closed_) log::error("{} was answered twice", what_);
    return;
  }
  const auto result = *std::exchange(result_, std::nullopt);
  try {
    send(result);
  } catch (const std::exception& error) {
    log::warn("Failed to answer {}: {}", what_, error.what());
  }
}

PendingReplies::~PendingReplies() {
  for (const auto& weak : replies_)
    if (const auto reply = weak.lock()) reply->close();
}

std::shared_ptr<Reply> PendingReplies::open(sdbus::Result<>&& result, std::string what) {
  std::erase_if(replies_, [](const auto& weak) { return weak.expired(); });
  auto reply = std::make_shared<Reply>(std::move(result), std::move(what));
  replies_.push_back(reply);
  return reply;
}

}  // namespace virtsession
