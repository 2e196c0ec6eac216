// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/variant.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// The dictionary of options that every method takes last. Strict, so that a misspelt or mistyped option is never
/// ignored: everything here throws sdbus::Error with the name org.freedesktop.DBus.Error.InvalidArgs and a text that
/// names the option and lists those that are known. Lives as long as the call; main loop's thread only.
class Options {
 public:
  /// \param known all options of the method \throws sdbus::Error for any other
  Options(const VariantMap& values, std::initializer_list<std::string_view> known);

  /// \return the option's value (b), or `fallback` when it is not given
  bool boolean(std::string_view name, bool fallback) const;
  /// \return the option's value (any integer type, 0 to 2^32-1), or `fallback`
  std::uint32_t count(std::string_view name, std::uint32_t fallback) const;
  /// \return the option's value in seconds (d or any integer type; more than 0, at most a day), if given
  std::optional<std::chrono::milliseconds> seconds(std::string_view name) const;
  /// \return the option's value (as, not empty), if given
  std::optional<std::vector<std::string>> strings(std::string_view name) const;

 private:
  const sdbus::Variant* find(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, const std::string& why) const;
  std::string known_ones() const;

  const VariantMap& values_;
  std::vector<std::string_view> known_;
};

/// For a method that knows no options.
inline void expect_no_options(const VariantMap& values) { Options(values, {}); }

}  // namespace virtsession
