// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_connection.hpp"

#include "libvirt/domain_events.hpp"
#include "libvirt/error.hpp"

#include <libvirt/virterror.h>

#include <utility>

namespace virtsession {
namespace {

constexpr int kKeepAliveSeconds = 5;
constexpr unsigned kKeepAliveCount = 5;

LostReason lost_reason(int reason) {
  switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF:
      return LostReason::end_of_file;
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
      return LostReason::keep_alive;
    case VIR_CONNECT_CLOSE_REASON_CLIENT:
      return LostReason::closed;
  }
  return LostReason::error;
}

// To close the connection in here would deadlock: it is only reported.
void on_close(virConnectPtr /*connection*/, int reason, void* opaque) {
  if (const auto listener = static_cast<const std::weak_ptr<ConnectionListener>*>(opaque)->lock())
    listener->on_connection_lost(lost_reason(reason));
}

// libvirt writes 9.1.2 as 9001002.
std::string version_text(unsigned long version) {
  if (version == 0) return {};
  return std::to_string(version / 1000000) + '.' + std::to_string(version / 1000 % 1000) + '.' +
         std::to_string(version % 1000);
}

}  // namespace

Result<std::unique_ptr<LibvirtConnection>> LibvirtConnection::open(const std::string& uri,
                                                                   std::weak_ptr<ConnectionListener> listener) {
  std::unique_ptr<LibvirtConnection> connection(new LibvirtConnection(std::move(listener)));
  if (const auto opened = connection->open_both(uri); !opened)
    return Error{ErrorCode::libvirt_unavailable, opened.error().message};
  return connection;
}

Result<void> LibvirtConnection::open_both(const std::string& uri) {
  events_.reset(virConnectOpen(uri.c_str()));
  if (!events_) return last_error(virConnectPtr());
  bool in_process = false;
  if (virConnectSetKeepAlive(events_.get(), kKeepAliveSeconds, kKeepAliveCount) < 0)
    in_process = is_not_supported(take_last_error());
  if (auto watched = watch_close(events_.get()); !watched) return watched;
  if (auto registered = register_domain_events(events_.get(), listener_, callbacks_); !registered) return registered;

  if (in_process) {
    virConnectRef(events_.get());
    calls_.reset(events_.get());
    return {};
  }
  calls_.reset(virConnectOpen(uri.c_str()));
  if (!calls_) return last_error(virConnectPtr());
  return watch_close(calls_.get());
}

// The listener does not change any more, and libvirt wants a plain pointer.
Result<void> LibvirtConnection::watch_close(virConnectPtr connection) {
  auto* opaque = const_cast<std::weak_ptr<ConnectionListener>*>(&listener_);
  if (virConnectRegisterCloseCallback(connection, on_close, opaque, nullptr) < 0) return last_error(connection);
  return {};
}

LibvirtConnection::~LibvirtConnection() {
  for (const int callback : callbacks_) virConnectDomainEventDeregisterAny(events_.get(), callback);
  for (ConnectPtr* connection : {&calls_, &events_}) {
    if (!*connection) continue;
    virConnectUnregisterCloseCallback(connection->get(), on_close);
    connection->reset();
  }
  virResetLastError();  // all of them fail on a connection that is lost, and have done their part by then
}

LibvirtInfo LibvirtConnection::info() const {
  LibvirtInfo info;
  if (const CString uri(virConnectGetURI(calls_.get())); uri) info.uri = uri.get();
  unsigned long version = 0;
  if (virConnectGetLibVersion(calls_.get(), &version) == 0) info.daemon_version = version_text(version);
  virResetLastError();
  return info;
}

}  // namespace virtsession
