// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.hpp"

#include <libvirt/virterror.h>

#include <cerrno>
#include <regex>

namespace virtsession {

namespace {

/// Of the RPC client: its connection was lost, or was refused. Where there is no socket at all, nothing may ever be.
bool is_closed_connection(const LibvirtError& error) {
  if (error.code == VIR_ERR_INTERNAL_ERROR) return true;  // "client socket is closed"
  switch (error.system_error) {
    case EIO:  // its code for the end of the file
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
      return true;
    default:
      return false;
  }
}

}  // namespace

LibvirtError take_last_error() {
  LibvirtError result;
  if (const virError* error = virGetLastError()) {
    result.code = error->code;
    result.domain = error->domain;
    if (error->code == VIR_ERR_SYSTEM_ERROR) result.system_error = error->int1;
    if (error->message) result.message = error->message;
  }
  if (result.message.empty()) result.message = "libvirt reported a failure without a reason";
  virResetLastError();
  return result;
}

bool is_no_domain(const LibvirtError& error) { return error.code == VIR_ERR_NO_DOMAIN; }

bool is_ended_by_daemon(const LibvirtError& error) {
  static const std::regex kSender(R"(terminating on signal \d+ from pid \d+ \((\S*/)?(libvirtd|virtqemud)\b)");
  return std::regex_search(error.message, kSender);
}

bool is_not_supported(const LibvirtError& error) {
  return error.code == VIR_ERR_NO_SUPPORT || error.code == VIR_ERR_OPERATION_UNSUPPORTED;
}

bool retry_helps(const LibvirtError& error) {
  const auto says = [&](const char* part) { return error.message.find(part) != std::string::npos; };
  switch (error.code) {
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_DEVICE_MISSING:
      return false;
    case VIR_ERR_SYSTEM_ERROR:
      return error.system_error != ENOENT || error.domain == VIR_FROM_RPC;
    default:
      break;
  }
  // These have the code of everything that goes wrong inside libvirt or QEMU.
  return !(says("too long") && (says("socket path") || says("unix path"))) && !says("Did not find USB device");
}

Error to_error(const LibvirtError& error, virConnectPtr connection) {
  if (is_no_domain(error)) return {ErrorCode::no_such_vm, error.message};
  if (is_not_supported(error)) return {ErrorCode::not_supported, error.message, false};
  if (error.code == VIR_ERR_NO_CONNECT || error.code == VIR_ERR_INVALID_CONN)
    return {ErrorCode::libvirt_unavailable, error.message};
  if (error.domain == VIR_FROM_RPC) {
    const bool lives = connection && virConnectIsAlive(connection) == 1;
    virResetLastError();
    if (!lives) return {ErrorCode::libvirt_unavailable, error.message};
    return {ErrorCode::operation_failed, error.message, retry_helps(error), is_closed_connection(error)};
  }
  if (is_ended_by_daemon(error)) return {ErrorCode::interrupted, error.message};
  return {ErrorCode::operation_failed, error.message, retry_helps(error)};
}

Error last_error(virConnectPtr connection) { return to_error(take_last_error(), connection); }

Error last_error(virDomainPtr domain) {
  const LibvirtError error = take_last_error();  // first: even virDomainGetConnect() forgets it
  return to_error(error, virDomainGetConnect(domain));
}

}  // namespace virtsession
