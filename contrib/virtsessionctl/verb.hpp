// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// What a verb's arguments are, for completion.
enum class Completes {
  nothing,
  vms,
  one_vm,
  ports,
  ssh,
  vms_of_both,  ///< of the session and of the system
  inactive_vms,
  active_vms,
  paused_vms,
  failed_vms,
  marked_vms,
  unmarked_vms,
  policy,
  plan,
  linger,
  verbs
};

/// One verb of the command line.
struct Verb {
  CLI::App* command = nullptr;
  Completes arguments = Completes::nothing;
  std::function<int(Console&)> run;  ///< \return the exit code \throws Failure, sdbus::Error
  /// Takes out of the words after the verb those that only look like options of ours. Before they are parsed.
  std::function<void(std::vector<std::string>& words)> take{};
};

/// The options of verbs that wait for something.
struct Waiting {
  bool no_block = false;
  std::optional<double> timeout_sec;

  std::optional<std::chrono::milliseconds> timeout() const {
    if (!timeout_sec) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(*timeout_sec * 1000));
  }
};

/// --timeout
void add_timeout(CLI::App& command, Waiting& waiting, const std::string& description);
/// --no-block
void add_no_block(CLI::App& command, Waiting& waiting);
/// The VMs that a verb is for; at least one.
void add_vms(CLI::App& command, std::vector<std::string>& patterns);

/// The groups in which --help shows verbs.
inline constexpr const char* kLook = "Look";
inline constexpr const char* kRun = "Start and stop VMs";
inline constexpr const char* kUse = "Get into a VM";
inline constexpr const char* kConfigure = "Say what should happen";
inline constexpr const char* kService = "The service";

/// One function a verb; each adds it to the command line. (verbs/*.cpp)
/// @{
Verb add_status(CLI::App& app);
Verb add_list(CLI::App& app);
Verb add_show(CLI::App& app);
Verb add_history(CLI::App& app);
Verb add_monitor(CLI::App& app);
Verb add_logs(CLI::App& app);
Verb add_metrics(CLI::App& app);
Verb add_start(CLI::App& app);
Verb add_shutdown(CLI::App& app);
Verb add_stop(CLI::App& app);
Verb add_save(CLI::App& app);
Verb add_poweroff(CLI::App& app);
Verb add_reboot(CLI::App& app);
Verb add_pause(CLI::App& app);
Verb add_resume(CLI::App& app);
Verb add_reset_failed(CLI::App& app);
Verb add_start_all(CLI::App& app);
Verb add_stop_all(CLI::App& app);
Verb add_ports(CLI::App& app);
Verb add_address(CLI::App& app);
Verb add_ssh(CLI::App& app);
Verb add_console(CLI::App& app);
Verb add_enable(CLI::App& app);
Verb add_disable(CLI::App& app);
Verb add_policy(CLI::App& app);
Verb add_on_demand(CLI::App& app);
Verb add_move(CLI::App& app);
Verb add_plan(CLI::App& app);
Verb add_linger(CLI::App& app);
Verb add_doctor(CLI::App& app);
Verb add_reload(CLI::App& app);
Verb add_restart_libvirt(CLI::App& app);
Verb add_version(CLI::App& app);
/// @}

}  // namespace virtsession::ctl
