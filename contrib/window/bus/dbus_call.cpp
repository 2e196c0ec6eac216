// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/dbus_call.hpp"

#include <utility>

namespace virtsession::window {
namespace {

/// A call under way.
struct Pending {
  std::weak_ptr<bool> alive;
  Reply reply;
};

CallError error_of(GError* failed) {
  if (!failed) return {};
  char* const name = g_dbus_error_get_remote_error(failed);
  g_dbus_error_strip_remote_error(failed);
  CallError error{name ? name : "failed", failed->message};
  g_free(name);
  return error;
}

void answer(GObject* source, GAsyncResult* result, gpointer data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  GError* failed = nullptr;
  GVariant* const reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &failed);
  if (!pending->alive.expired()) pending->reply(reply, error_of(failed));
  if (reply) g_variant_unref(reply);
  g_clear_error(&failed);
}

}  // namespace

void call_method(GDBusConnection* bus, const Method& method, GVariant* arguments, std::weak_ptr<bool> alive,
                 Reply reply, int timeout_ms) {
  g_dbus_connection_call(bus, method.service, method.path, method.interface, method.name, arguments, nullptr,
                         G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout_ms, nullptr, answer,
                         new Pending{std::move(alive), std::move(reply)});
}

}  // namespace virtsession::window
