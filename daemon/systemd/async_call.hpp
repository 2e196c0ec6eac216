// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/sdbus_compat.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace virtsession {

/// Makes asynchronous calls whose answers come exactly once, later, also when the call could not be sent.
/// Main loop's thread only. Nothing is answered after it is gone, if the proxies go with it.
///
/// Generated proxies have one virtual function per method for all answers, which cannot tell whose answer it is; hence
/// calls by name.
class AsyncCaller {
 public:
  explicit AsyncCaller(EventLoop& loop) : loop_(loop) {}

  /// \param reply is called as reply(const sdbus::Error* error), with nullptr after a success. It must not throw.
  template <class Reply, class... Arguments>
  void call(sdbus::IProxy& proxy, const std::string& interface, const std::string& method, Reply reply,
            const Arguments&... arguments) {
    call_within(kDefaultTimeout, proxy, interface, method, std::move(reply), arguments...);
  }

  /// call() that waits for the answer for so long, then it is an error.
  template <class Reply, class... Arguments>
  void call_within(std::chrono::microseconds timeout, sdbus::IProxy& proxy, const std::string& interface,
                   const std::string& method, Reply reply, const Arguments&... arguments) {
    try {
      proxy.callMethodAsync(method)
          .onInterface(interface)
          .withTimeout(timeout)
          .withArguments(arguments...)
          .uponReplyInvoke([reply](sdbus_compat::AsyncError error) { reply(error ? &*error : nullptr); });
    } catch (const sdbus::Error& error) {
      loop_.post(lifetime_.weak(), [reply, error] { reply(&error); });
    }
  }

  /// \param reply is called as reply(const sdbus::Error* error, const Out& value); after an error the value is empty
  template <class Out, class Reply, class... Arguments>
  void call_for(sdbus::IProxy& proxy, const std::string& interface, const std::string& method, Reply reply,
                const Arguments&... arguments) {
    try {
      proxy.callMethodAsync(method)
          .onInterface(interface)
          .withArguments(arguments...)
          .uponReplyInvoke(
              [reply](sdbus_compat::AsyncError error, const Out& value) { reply(error ? &*error : nullptr, value); });
    } catch (const sdbus::Error& error) {
      loop_.post(lifetime_.weak(), [reply, error] { reply(&error, Out{}); });
    }
  }

 private:
  /// Of sd-bus, see sd_bus_set_method_call_timeout(3).
  static constexpr std::chrono::microseconds kDefaultTimeout{0};

  EventLoop& loop_;
  Lifetime lifetime_;
};

}  // namespace virtsession
