// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <libvirt/libvirt.h>

#include <string>

namespace virtsession {

/// A copy of libvirt's error of the last call.
struct LibvirtError {
  int code = 0;          ///< virErrorNumber
  int domain = 0;        ///< virErrorDomain: which part of libvirt
  std::string message;   ///< libvirt's own words
  int system_error = 0;  ///< errno, of a system call that failed
};

/// Copies the calling thread's error and clears it. To be called at once after the call that failed, on its thread:
/// the next call to libvirt overwrites it (virGetLastError in libvirt/virterror.h).
LibvirtError take_last_error();

/// Our error for one of libvirt's, with libvirt's words as the message.
///
/// A lost connection is known by the error's domain, since its codes are the common ones (1, 38, 39): an error of the
/// RPC client is libvirt_unavailable. A start that a client ended is `interrupted`. The daemon is a client itself, of
/// virtlogd, and hands on such errors, which are `of_helper`; `connection` tells the two apart, for they come over a
/// connection that lives.
/// \param connection the connection of the call, or null when there is none; is only asked whether it lives
Error to_error(const LibvirtError& error, virConnectPtr connection);

/// to_error() of the last call, which was one on a connection or on a domain.
Error last_error(virConnectPtr connection);
Error last_error(virDomainPtr domain);

/// True when the call failed because the domain does not exist (any more).
bool is_no_domain(const LibvirtError& error);
/// False when a call that starts a domain would fail again, for whatever happens by itself: the definition is not
/// supported or too long for something, or a program or file that it names is missing.
bool retry_helps(const LibvirtError& error);
/// True when a client had libvirt end QEMU while it was being started (virsh destroy): QEMU names the daemon as the
/// sender of the signal, and libvirt has its words in the error of the start.
bool is_ended_by_daemon(const LibvirtError& error);
/// True when the driver or the daemon has no such function.
bool is_not_supported(const LibvirtError& error);

}  // namespace virtsession
