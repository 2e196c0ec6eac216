// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/errors.hpp"

#include "core/utf8.hpp"
#include "util/sdbus_compat.hpp"

#include <string>

namespace virtsession {

namespace {

constexpr EnumText<ErrorCode, 13> kDBusNames{{{
    {ErrorCode::no_such_vm, "org.virtsession.Supervisor1.Error.NoSuchVM"},
    {ErrorCode::invalid_policy, "org.virtsession.Supervisor1.Error.InvalidPolicy"},
    {ErrorCode::invalid_config, "org.virtsession.Supervisor1.Error.InvalidConfig"},
    {ErrorCode::libvirt_unavailable, "org.virtsession.Supervisor1.Error.LibvirtUnavailable"},
    {ErrorCode::operation_failed, "org.virtsession.Supervisor1.Error.OperationFailed"},
    {ErrorCode::busy, "org.virtsession.Supervisor1.Error.Busy"},
    {ErrorCode::timed_out, "org.virtsession.Supervisor1.Error.TimedOut"},
    {ErrorCode::not_supported, "org.virtsession.Supervisor1.Error.NotSupported"},
    {ErrorCode::shutting_down, "org.virtsession.Supervisor1.Error.ShuttingDown"},
    {ErrorCode::internal, "org.virtsession.Supervisor1.Error.Internal"},
    {ErrorCode::invalid_args, "org.freedesktop.DBus.Error.InvalidArgs"},
    {ErrorCode::access_denied, "org.freedesktop.DBus.Error.AccessDenied"},
    {ErrorCode::interrupted, "org.virtsession.Supervisor1.Error.Interrupted"},
}}};
static_assert(kDBusNames.complete(), "the names are not in the order of the enumerators");
static_assert(kDBusNames.rows.size() == kEnumText<ErrorCode>.rows.size(), "an error has no D-Bus name");

}  // namespace

std::string_view dbus_error_name(ErrorCode code) { return kDBusNames.rows[static_cast<std::size_t>(code)].second; }

sdbus::Error to_dbus_error(const Error& error) {
  return sdbus_compat::make_error(std::string(dbus_error_name(error.code)), valid_utf8(error.message));
}

}  // namespace virtsession
