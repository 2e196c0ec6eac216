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

std::function<void(const sdbus::Error* error)> answer_through(sdbus::Result<>&& result) {
  return [shared = std::make_shared<sdbus::Result<>>(std::move(result))](const sdbus::Error* error) {
    if (error)
      shared->returnError(*error);
    else
      shared->returnResults();
  };
}

Reply::Reply(Send send, std::string what) : send_(std::move(send)), what_(std::move(what)) {}

Reply::~Reply() {
  if (!send_) return;
  log::error("{} was dropped without an answer", what_);
  answer(Error{ErrorCode::internal, what_ + " was dropped without an answer"});
}

void Reply::answer(const Result<void>& outcome) noexcept {
  if (outcome) return send(nullptr);
  refuse(to_dbus_error(outcome.error()));
}

void Reply::refuse(const sdbus::Error& error) noexcept { send(&error); }

void Reply::close() noexcept {
  closed_ = true;
  if (send_) answer(Error{ErrorCode::shutting_down, "virtsessiond is stopping"});
}

void Reply::send(const sdbus::Error* error) noexcept {
  if (!send_) {
    if (!closed_) log::error("{} was answered twice", what_);
    return;
  }
  const auto send = std::exchange(send_, nullptr);
  try {
    send(error);
  } catch (const std::exception& failure) {
    log::warn("Failed to answer {}: {}", what_, failure.what());
  }
}

PendingReplies::~PendingReplies() {
  for (const auto& weak : replies_)
    if (const auto reply = weak.lock()) reply->close();
}

std::shared_ptr<Reply> PendingReplies::open(Reply::Send send, std::string what) {
  std::erase_if(replies_, [](const auto& weak) { return weak.expired(); });
  auto reply = std::make_shared<Reply>(std::move(send), std::move(what));
  replies_.push_back(reply);
  return reply;
}

}  // namespace virtsession
