// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"
#include "core/port_spec.hpp"
#include "core/problem_list.hpp"
#include "core/views.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

enum class StartWhen { flag, was_running, never };

template <>
inline constexpr auto kEnumText<StartWhen> = EnumText<StartWhen, 3>{{{
    {StartWhen::flag, "flag"},
    {StartWhen::was_running, "was-running"},
    {StartWhen::never, "never"},
}}};

enum class RestartWhen { no, on_failure, always };

template <>
inline constexpr auto kEnumText<RestartWhen> = EnumText<RestartWhen, 3>{{{
    {RestartWhen::no, "no"},
    {RestartWhen::on_failure, "on-failure"},
    {RestartWhen::always, "always"},
}}};

enum class StopAction { shutdown, save, poweroff, leave };

template <>
inline constexpr auto kEnumText<StopAction> = EnumText<StopAction, 4>{{{
    {StopAction::shutdown, "shutdown"},
    {StopAction::save, "save"},
    {StopAction::poweroff, "poweroff"},
    {StopAction::leave, "leave"},
}}};

/// What is done with a VM while the host sleeps, or runs on its battery; it is undone when that is over.
enum class HoldAction { none, pause, save };

template <>
inline constexpr auto kEnumText<HoldAction> = EnumText<HoldAction, 3>{{{
    {HoldAction::none, "none"},
    {HoldAction::pause, "pause"},
    {HoldAction::save, "save"},
}}};

/// What becomes of a VM that GNOME Boxes has saved, which nobody asked for.
enum class WhenSaved { go_on, leave };

template <>
inline constexpr auto kEnumText<WhenSaved> = EnumText<WhenSaved, 2>{{{
    {WhenSaved::go_on, "go-on"},
    {WhenSaved::leave, "leave"},
}}};

enum class ReadyWhen { started, agent, tcp, delay };

/// When a VM that runs counts as ready, so that others may go on.
struct Readiness {
  ReadyWhen when = ReadyWhen::started;
  std::string host;        ///< for tcp: a name or an address, without brackets
  std::uint16_t port = 0;  ///< for tcp

  bool operator==(const Readiness&) const = default;
};

/// \return nothing when `text` is no readiness ("started", "agent", "delay", "tcp:HOST:PORT")
std::optional<Readiness> parse_readiness(std::string_view text);
std::string to_text(const Readiness& readiness);

/// How one VM is looked after. The initialisers are the built-in defaults; the key of each is its name.
struct Policy {
  StartWhen start = StartWhen::flag;
  std::int64_t start_order = 0;
  std::vector<std::string> start_after;
  double start_delay_sec = 0;
  Readiness start_ready;
  double start_ready_timeout_sec = 120;
  double start_ready_delay_sec = 10;
  std::int64_t start_retries = 3;
  bool start_if_ac_power = false;
  bool start_if_graphical = false;
  std::int64_t start_if_free_memory_mib = 0;
  std::vector<std::string> start_if_paths;
  std::vector<std::string> after_units;  ///< of the user manager; they are stopped after the VM, too
  RestartWhen restart = RestartWhen::no;
  double restart_delay_sec = 1;
  double restart_delay_max_sec = 60;
  std::int64_t restart_limit = 5;
  double restart_window_sec = 600;
  WhenSaved when_saved_by_others = WhenSaved::go_on;
  std::vector<StopAction> stop_actions{StopAction::shutdown, StopAction::save, StopAction::poweroff};
  double stop_timeout_sec = 60;
  std::optional<std::int64_t> stop_order;  ///< nothing: the reverse of the start
  HoldAction sleep = HoldAction::none;
  HoldAction on_battery = HoldAction::none;
  HoldAction on_low_battery = HoldAction::none;
  bool resume_when_unstuck = true;
  bool resume_sync_time = true;
  std::vector<PortSpec> ports;             ///< of the host that lead to one of the guest
  std::optional<std::int64_t> cpu_weight;  ///< of its scope; nothing: systemd's default, as for the two below
  std::optional<std::int64_t> io_weight;
  std::optional<std::int64_t> memory_high_mib;

  bool operator==(const Policy&) const = default;
};

/// What came of reading one set of keys: those that can be used, and what is wrong with the others.
struct PolicyKeys {
  nlohmann::json used = nlohmann::json::object();
  std::vector<Problem> problems;
};

/// The one place where policy keys are checked, for the configuration's `defaults`, metadata and D-Bus alike.
PolicyKeys check_policy(const nlohmann::json& keys);
/// As part of a text with problems of its own. \param pointer put before each problem's pointer ("/defaults")
/// \return the keys that can be used
nlohmann::json check_policy(const nlohmann::json& keys, const std::string& pointer, ProblemList& problems);

/// Reads the text of a VM's metadata element. `raw` is the whole object, with what could not be used, so that a change
/// of one key keeps the others; it is null when the text is no JSON object at all.
struct PolicyText {
  nlohmann::json raw;
  PolicyKeys keys;
};
PolicyText read_policy_text(std::string_view text);

/// \param used from check_policy(): applied without another check
void apply_policy(Policy& policy, const nlohmann::json& used);
nlohmann::json to_json(const Policy& policy);
std::vector<std::string_view> policy_key_names();

/// For a key's documentation and the schema: its range, its values. Null when there is no such key.
nlohmann::json policy_key_schema(std::string_view key);

}  // namespace virtsession
