// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/api.hpp"
#include "dbus/caller.hpp"
#include "dbus/guard.hpp"

#include <sdbus-c++/MethodResult.h>

#include <functional>
#include <string>

namespace sdbus {
class IConnection;
class IObject;
}  // namespace sdbus

namespace virtsession {

/// The way of a call from an object on the bus to the Api: its arguments are read at once, the caller is asked for,
/// then the Api is called, and its completion answers. Calls that change something all go this way, so those of one
/// client reach the Api in order; and the Api is never called for them from inside an object's handler, so that it may
/// remove that object. Main loop's thread only. It must go before the connection does; what is not answered by then is
/// answered with Error.ShuttingDown, and the Api may still call its completions later.
class Requests {
 public:
  /// What a call asks of the Api.
  using Perform = std::function<void(Api& api, const Caller& caller, Api::Done done)>;

  Requests(sdbus::IConnection& connection, Api& api);

  /// A method that is answered when the Api has completed it.
  /// \param object the object whose handler runs \param what the call, for messages
  /// \param read reads the arguments and returns what to do; what it throws is answered
  void call(const sdbus::IObject& object, std::string what, Reply::Send send, const std::function<Perform()>& read);
  void call(const sdbus::IObject& object, std::string what, sdbus::Result<>&& result,
            const std::function<Perform()>& read) {
    call(object, std::move(what), answer_through(std::move(result)), read);
  }

  /// A property that is being set: refused at once if Api::check() refuses it, otherwise passed on and answered at
  /// once, because sd-bus cannot answer it later. \throws sdbus::Error and nothing else
  void set(const sdbus::IObject& object, const std::string& what, const VmRequest& request);

  Api& api() { return api_; }

 private:
  Api& api_;
  Callers callers_;
  PendingReplies replies_;  // goes before callers_, so that calls whose caller is still asked for are answered well
};

}  // namespace virtsession
