// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// sdbus-c++ has no version macro; this header came with 2.0.
#if __has_include(<sdbus-c++/VTableItems.h>)
#define VIRTSESSION_SDBUS_2 1
#else
#define VIRTSESSION_SDBUS_2 0
#endif

/// Everything in which sdbus-c++ 1.2 and 2.x differ for us; no other file asks for the version.
/// Common ground that needs no help: Variant (construct it explicitly), ObjectPath (construct it explicitly),
/// createProxy, onInterface().withArguments(), uponReplyInvoke(), generated adaptors and proxies.
/// No synchronous call once the loop runs: it would wait, and everything with it.
namespace virtsession::sdbus_compat {

/// What comes next in a message or in one of its containers: a type of D-Bus, 0 at the end, and the types inside of it.
struct NextType {
  char code;
  std::string contents;
};

#if VIRTSESSION_SDBUS_2

using sdbus::ServiceName;
/// First argument of an asynchronous reply handler; test it as a pointer: `if (error) error->getMessage()`.
using AsyncError = std::optional<sdbus::Error>;

inline sdbus::Error make_error(const std::string& name, const std::string& message) {
  return sdbus::Error(sdbus::Error::Name(name), message);
}
inline NextType next_type(const sdbus::Message& message) {
  const auto [code, contents] = message.peekType();
  return {code, contents ? contents : ""};
}
inline bool process_pending(sdbus::IConnection& connection) { return connection.processPendingEvent(); }
inline std::uint64_t poll_deadline_usec(const sdbus::IConnection::PollData& poll) {
  return static_cast<std::uint64_t>(poll.timeout.count());
}
inline sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& rule,
                             std::function<void(sdbus::Message&)> handler) {
  return connection.addMatch(
      rule, [handler = std::move(handler)](sdbus::Message message) { handler(message); }, sdbus::return_slot);
}
inline void finish_registration(sdbus::IProxy&) {}
inline void request_name(sdbus::IConnection& connection, const std::string& name) {
  connection.requestName(ServiceName(name));
}
inline void emit_properties_changed(sdbus::IObject& object, const std::string& interface,
                                    const std::vector<std::string>& names) {
  object.emitPropertiesChangedSignal(sdbus::InterfaceName(interface),
                                     std::vector<sdbus::PropertyName>(names.begin(), names.end()));
}
/// \return the unique name of whose message is being handled, or nothing outside a handler
inline std::optional<std::string> current_sender(const sdbus::IObject& object) {
  const auto message = object.getCurrentlyProcessedMessage();
  if (!message.isValid()) return std::nullopt;
  const char* const sender = message.getSender();
  if (sender == nullptr) return std::nullopt;
  return std::string(sender);
}

#else

using ServiceName = std::string;
using AsyncError = const sdbus::Error*;

inline sdbus::Error make_error(const std::string& name, const std::string& message) {
  return sdbus::Error(name, message);
}
inline NextType next_type(const sdbus::Message& message) {
  std::string code, contents;
  message.peekType(code, contents);
  return {code.empty() ? '\0' : code.front(), std::move(contents)};
}
inline bool process_pending(sdbus::IConnection& connection) { return connection.processPendingRequest(); }
inline std::uint64_t poll_deadline_usec(const sdbus::IConnection::PollData& poll) { return poll.timeout_usec; }
inline sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& rule,
                             std::function<void(sdbus::Message&)> handler) {
  return connection.addMatch(rule, std::move(handler));
}
inline void finish_registration(sdbus::IProxy& proxy) { proxy.finishRegistration(); }
inline void request_name(sdbus::IConnection& connection, const std::string& name) { connection.requestName(name); }
inline void emit_properties_changed(sdbus::IObject& object, const std::string& interface,
                                    const std::vector<std::string>& names) {
  object.emitPropertiesChangedSignal(interface, names);
}
inline std::optional<std::string> current_sender(const sdbus::IObject& object) {
  const sdbus::Message* const message = object.getCurrentlyProcessedMessage();
  if (message == nullptr) return std::nullopt;
  return message->getSender();
}

#endif

}  // namespace virtsession::sdbus_compat
