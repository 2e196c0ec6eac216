// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace virtsession {

/// The documented failures of the API; each has one D-Bus name (dbus/errors.cpp).
enum class ErrorCode {
  no_such_vm,
  invalid_policy,
  invalid_config,
  libvirt_unavailable,
  operation_failed,
  busy,
  timed_out,
  not_supported,
  shutting_down,
  internal,
  invalid_args,
  access_denied,
  interrupted,  ///< somebody ended what was being done
};

template <>
inline constexpr auto kEnumText<ErrorCode> = EnumText<ErrorCode, 13>{{{
    {ErrorCode::no_such_vm, "NoSuchVM"},
    {ErrorCode::invalid_policy, "InvalidPolicy"},
    {ErrorCode::invalid_config, "InvalidConfig"},
    {ErrorCode::libvirt_unavailable, "LibvirtUnavailable"},
    {ErrorCode::operation_failed, "OperationFailed"},
    {ErrorCode::busy, "Busy"},
    {ErrorCode::timed_out, "TimedOut"},
    {ErrorCode::not_supported, "NotSupported"},
    {ErrorCode::shutting_down, "ShuttingDown"},
    {ErrorCode::internal, "Internal"},
    {ErrorCode::invalid_args, "InvalidArgs"},
    {ErrorCode::access_denied, "AccessDenied"},
    {ErrorCode::interrupted, "Interrupted"},
}}};

/// A failure that a caller must handle: what kind, and one sentence for a person.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  bool retry_helps = true;  ///< of a start that failed: the next try may do better, without a person
  bool of_helper = false;   ///< a daemon that libvirt's own asks (virtlogd) did not serve it: no failure of the VM

  bool operator==(const Error&) const = default;
};

/// A value or a documented Error. Unexpected failures travel as exceptions instead.
/// (std::expected is not in g++ 12.)
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return content_.index() == 0; }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  const T& operator*() const& { return value(); }
  const T* operator->() const { return &std::get<0>(content_); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace virtsession
