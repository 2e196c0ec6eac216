// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/systemd_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace virtsession {
namespace {

using BusMessage = UniqueCPtr<sd_bus_message, sd_bus_message_unref>;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

/// The error of a call, which owns its texts.
class BusError {
 public:
  ~BusError() { sd_bus_error_free(&error_); }
  BusError() = default;
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;

  sd_bus_error* get() { return &error_; }
  Error text(int result) const {
    if (error_.message) return {ErrorCode::operation_failed, error_.message};
    return {ErrorCode::operation_failed, std::generic_category().message(-result)};
  }

 private:
  sd_bus_error error_{};
};

Error failed(int result) { return BusError().text(result); }

/// Until the bus has said who we are. sd-bus by itself would wait 90 s for a bus that says nothing.
int wait_until_ready(sd_bus* bus, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (true) {
    if (const int ready = sd_bus_is_ready(bus); ready != 0) return ready;
    if (const int done = sd_bus_process(bus, nullptr); done != 0) {
      if (done < 0) return done;
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now());
    if (left.count() <= 0) return -ETIMEDOUT;
    if (const int waited = sd_bus_wait(bus, static_cast<std::uint64_t>(left.count())); waited < 0) return waited;
  }
}

}  // namespace

Result<SystemdClient> SystemdClient::connect(const std::string& address, std::chrono::milliseconds limit) {
  sd_bus* made = nullptr;
  int result = sd_bus_new(&made);
  Bus bus(made);
  if (result >= 0) result = sd_bus_set_address(made, address.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(made, 1);
  if (result >= 0) {
    const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
    result = sd_bus_set_method_call_timeout(made, static_cast<std::uint64_t>(usec));
  }
  if (result >= 0) result = sd_bus_start(made);
  if (result >= 0) result = wait_until_ready(made, limit);
  if (result < 0) return failed(result);
  return SystemdClient(std::move(bus));
}

Result<std::vector<SystemdClient::Unit>> SystemdClient::list(const std::vector<std::string>& names) {
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus_.get(), &made, kName, kPath, kManager, "ListUnitsByNames");
  const BusMessage call(made);
  std::vector<char*> words;
  words.reserve(names.size() + 1);
  for (const auto& name : names) words.push_back(const_cast<char*>(name.c_str()));
  words.push_back(nullptr);
  if (result >= 0) result = sd_bus_message_append_strv(made, words.data());
  if (result < 0) return failed(result);

  BusError error;
  sd_bus_message* answered = nullptr;
  result = sd_bus_call(bus_.get(), made, 0, error.get(), &answered);
  const BusMessage reply(answered);
  if (result < 0) return error.text(result);
  result = sd_bus_message_enter_container(answered, 'a', "(ssssssouso)");
  std::vector<Unit> units;
  const char *name = nullptr, *load = nullptr, *active = nullptr, *path = nullptr;
  while (result >= 0 && (result = sd_bus_message_read(answered, "(ssssssouso)", &name, nullptr, &load, &active, nullptr,
                                                      nullptr, &path, nullptr, nullptr, nullptr)) > 0)
    units.push_back({name, load, active, path});
  if (result < 0) return failed(result);
  return units;
}

Result<std::string> SystemdClient::ask(const char* method, const std::string& unit, const char* type) {
  BusError error;
  sd_bus_message* answered = nullptr;
  int result =
      sd_bus_call_method(bus_.get(), kName, kPath, kManager, method, error.get(), &answered, "s", unit.c_str());
  const BusMessage reply(answered);
  if (result < 0) return error.text(result);
  const char* text = nullptr;
  result = sd_bus_message_read(answered, type, &text);
  if (result < 0) return failed(result);
  return std::string(text);
}

Result<std::string> SystemdClient::file_state(const std::string& unit) { return ask("GetUnitFileState", unit, "s"); }

Result<std::string> SystemdClient::path_of(const std::string& unit) { return ask("GetUnit", unit, "o"); }

Result<std::string> SystemdClient::text_property(const std::string& path, const char* interface, const char* name) {
  BusError error;
  char* text = nullptr;
  const int result = sd_bus_get_property_string(bus_.get(), kName, path.c_str(), interface, name, error.get(), &text);
  const UniqueCPtr<char, std::free> owned(text);
  if (result < 0) return error.text(result);
  return std::string(text);
}

Result<std::vector<std::string>> SystemdClient::environment() {
  BusError error;
  char** made = nullptr;
  const int result = sd_bus_get_property_strv(bus_.get(), kName, kPath, kManager, "Environment", error.get(), &made);
  if (result < 0) return error.text(result);
  std::vector<std::string> variables;
  for (char** variable = made; variable && *variable; ++variable) {
    variables.emplace_back(*variable);
    std::free(*variable);
  }
  std::free(made);
  return variables;
}

Result<std::uint64_t> SystemdClient::number_property(const std::string& path, const char* interface, const char* name) {
  BusError error;
  std::uint64_t number = 0;
  const int result =
      sd_bus_get_property_trivial(bus_.get(), kName, path.c_str(), interface, name, error.get(), 't', &number);
  if (result < 0) return error.text(result);
  return number;
}

}  // namespace virtsession
