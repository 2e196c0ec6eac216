// SPDX-License-Identifier: LGPL-2.1-or-later
#include "raw_client.hpp"

#include "dbus/object_path.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace virtsession::test {

namespace {

using Message = UniqueCPtr<sd_bus_message, sd_bus_message_unref>;

}  // namespace

RawClient::RawClient(const std::string& address) : bus_(connect_raw(address)) {
  const char* name = nullptr;
  REQUIRE(sd_bus_get_unique_name(bus_.get(), &name) >= 0);  // waits until the bus has said hello
  REQUIRE(sd_bus_add_filter(bus_.get(), nullptr, on_message, this) >= 0);
}

int RawClient::on_message(sd_bus_message* message, void* self, sd_bus_error*) {
  std::uint64_t call = 0;
  if (sd_bus_message_get_reply_cookie(message, &call) >= 0) {
    const sd_bus_error* const error = sd_bus_message_get_error(message);
    static_cast<RawClient*>(self)->answers_.push_back({call, error == nullptr ? "" : error->name});
  }
  return 0;
}

std::uint64_t RawClient::call(const std::string& path, const char* method, bool expect_reply) {
  sd_bus_message* message = nullptr;
  REQUIRE(sd_bus_message_new_method_call(bus_.get(), &message, std::string(kBusName).c_str(), path.c_str(),
                                         "org.virtsession.Supervisor1.VM", method) >= 0);
  const Message owned(message);
  REQUIRE(sd_bus_message_append(message, "a{sv}", 0) >= 0);
  REQUIRE(sd_bus_message_set_expect_reply(message, expect_reply ? 1 : 0) >= 0);
  std::uint64_t cookie = 0;
  REQUIRE(sd_bus_send(bus_.get(), message, &cookie) >= 0);
  REQUIRE(sd_bus_flush(bus_.get()) >= 0);
  return cookie;
}

std::size_t RawClient::answers_to(std::uint64_t call) {
  // What the service sent before the answer to this comes before it.
  sd_bus_message* pong = nullptr;
  REQUIRE(sd_bus_call_method(bus_.get(), std::string(kBusName).c_str(), std::string(kRootPath).c_str(),
                             "org.freedesktop.DBus.Peer", "Ping", nullptr, &pong, "") >= 0);
  const Message owned(pong);
  while (sd_bus_process(bus_.get(), nullptr) > 0) {
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(answers_, [&](const Answer& answer) { return answer.call == call; }));
}

std::string RawClient::error_of(std::uint64_t call) const {
  std::string error;
  for (const Answer& answer : answers_)
    if (answer.call == call) error = answer.error;
  return error;
}

std::string RawClient::unique_name() const {
  const char* name = nullptr;
  sd_bus_get_unique_name(bus_.get(), &name);
  return name;
}

}  // namespace virtsession::test
