// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/requests.hpp"

#include "dbus/errors.hpp"
#include "util/log.hpp"
#include "util/sdbus_compat.hpp"

#include <memory>
#include <utility>

namespace virtsession {

namespace {

std::string current_caller(const sdbus::IObject& object) { return sdbus_compat::current_sender(object).value_or(""); }

}  // namespace

Requests::Requests(sdbus::IConnection& connection, Api& api) : api_(api), callers_(connection) {}

void Requests::call(const sdbus::IObject& object, std::string what, Reply::Send send,
                    const std::function<Perform()>& read) {
  const auto reply = replies_.open(std::move(send), std::move(what));
  guarded(*reply, [&] {
    const auto perform = read();
    callers_.identify(current_caller(object), reply->what(), [&api = api_, reply, perform](const Caller& caller) {
      guarded(*reply, [&] { perform(api, caller, [reply](const Result<void>& outcome) { reply->answer(outcome); }); });
    });
  });
}

void Requests::set(const sdbus::IObject& object, const std::string& what, const VmRequest& request) {
  guarded(what, [&] {
    if (const auto checked = api_.check(request); !checked) throw to_dbus_error(checked.error());
    callers_.identify(current_caller(object), what, [&api = api_, what, request](const Caller& caller) {
      VmRequest known = request;
      known.caller = caller;
      // The Api tells a failure in the VM's LastError; here it is only noted.
      api.request(known, [what](const Result<void>& outcome) {
        if (!outcome) log::debug("{} failed: {}", what, outcome.error().message);
      });
    });
  });
}

}  // namespace virtsession
