// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <functional>
#include <memory>
#include <string>

namespace virtsession::window {

/// How a call ended; the name is empty for a success.
struct CallError {
  std::string name;  ///< the D-Bus error's
  std::string text;  ///< for a person
  explicit operator bool() const { return !name.empty(); }
};

using Reply = std::function<void(GVariant* reply, const CallError& error)>;  ///< the reply is nullptr after an error

/// A method of an object on the bus.
struct Method {
  const char* service;
  const char* path;
  const char* interface;
  const char* name;
};

/// Calls it, and answers from the main loop, if `alive` still is by then. The service is not started for it.
/// \param arguments floating, or nullptr \param timeout_ms as long as it takes when not given
void call_method(GDBusConnection* bus, const Method& method, GVariant* arguments, std::weak_ptr<bool> alive,
                 Reply reply, int timeout_ms = G_MAXINT);

}  // namespace virtsession::window
