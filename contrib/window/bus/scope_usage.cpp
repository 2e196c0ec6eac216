// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/scope_usage.hpp"

#include "bus/dbus_call.hpp"

#include <utility>

namespace virtsession::window {
namespace {

constexpr int kPatienceMs = 2000;
constexpr std::uint64_t kNotCounted = ~std::uint64_t{0};

/// The object of a unit, as sd_bus_path_encode(3) makes it.
std::string unit_path(const std::string& unit) {
  std::string path = "/org/freedesktop/systemd1/unit/";
  for (std::size_t i = 0; i < unit.size(); ++i) {
    const char c = unit[i];
    if (g_ascii_isalpha(c) || (i > 0 && g_ascii_isdigit(c))) {
      path += c;
    } else {
      char code[4];
      g_snprintf(code, sizeof code, "_%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      path += code;
    }
  }
  return path;
}

}  // namespace

void ScopeUsage::read(const std::string& scope, std::function<void(const Usage&)> done) {
  const auto path = unit_path(scope);
  call_method(
      bus_, {"org.freedesktop.systemd1", path.c_str(), "org.freedesktop.DBus.Properties", "GetAll"},
      g_variant_new("(s)", "org.freedesktop.systemd1.Scope"), alive_,
      [this, scope, done = std::move(done)](GVariant* reply, const CallError& error) {
        if (error) return;
        GVariant* const properties = g_variant_get_child_value(reply, 0);
        take(properties, scope, done);
        g_variant_unref(properties);
      },
      kPatienceMs);
}

void ScopeUsage::take(GVariant* properties, const std::string& scope, const std::function<void(const Usage&)>& done) {
  Usage usage;
  guint64 value = 0;
  if (g_variant_lookup(properties, "MemoryCurrent", "t", &value) && value != kNotCounted) usage.memory = value;
  if (g_variant_lookup(properties, "CPUUsageNSec", "t", &value) && value != kNotCounted) {
    const auto now = g_get_monotonic_time();
    if (std::exchange(scope_, scope) == scope && now > last_time_ && value >= last_nsec_)
      usage.processors = static_cast<double>(value - last_nsec_) / (static_cast<double>(now - last_time_) * 1000);
    last_nsec_ = value;
    last_time_ = now;
  }
  done(usage);
}

}  // namespace virtsession::window
