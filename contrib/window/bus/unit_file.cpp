// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/unit_file.hpp"

#include <utility>

namespace virtsession::window {
namespace {

constexpr const char* kUnit = "virtsessiond.service";

}  // namespace

void UnitFile::read(std::function<void(const std::string&)> done) {
  call("GetUnitFileState", g_variant_new("(s)", kUnit),
       [done = std::move(done)](GVariant* reply, const CallError& error) {
         if (error) return;
         const char* state = nullptr;
         g_variant_get_child(reply, 0, "&s", &state);
         done(state);
       });
}

void UnitFile::set_enabled(bool enabled, std::function<void(const std::string&)> done) {
  const char* const units[] = {kUnit, nullptr};
  GVariant* const arguments =
      enabled ? g_variant_new("(^asbb)", units, FALSE, FALSE) : g_variant_new("(^asb)", units, FALSE);
  call(enabled ? "EnableUnitFiles" : "DisableUnitFiles", arguments,
       [done = std::move(done)](GVariant*, const CallError& error) { done(error.text); });
}

void UnitFile::call(const char* method, GVariant* arguments, Reply reply) {
  call_method(bus_,
              {"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method},
              arguments, alive_, std::move(reply));
}

}  // namespace virtsession::window
