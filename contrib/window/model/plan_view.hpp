// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine_view.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::window {

/// A row of PlanStart or PlanStop of org.virtsession.Supervisor1.Manager.
struct PlanStep {
  std::uint32_t wave = 0;
  std::string path;
  std::string name;
  std::string decision;
  std::string reason;

  bool operator==(const PlanStep&) const = default;
};
using Plan = std::vector<PlanStep>;

/// VMs that start or stop together. Those that nothing is done to come last, without a number.
struct Wave {
  std::string title;
  std::vector<PlanStep> steps;
};
std::vector<Wave> waves_of(const Plan& plan);

/// What is done, in the user's language: "Shut down", "Not started".
std::string start_decision_text(const std::string& decision);
std::string stop_decision_text(const std::string& decision);

/// The policy key that a decision hangs on, to be shown when somebody asks why.
std::string deciding_start_key(const PlanStep& step, const VmInfo& vm);
std::string deciding_stop_key();

/// How long the stop of a plan takes at most by the policies of its VMs, cut to what systemd gives.
std::chrono::seconds stop_bound(const Plan& plan, const std::vector<VmInfo>& vms, std::chrono::microseconds budget);

/// "At logout: 2 shut down, 1 saved, at most 40 s". Without a VM that runs: "At logout: nothing to do".
std::string logout_text(const Plan& plan, std::chrono::seconds bound);

/// Why the end of the session deserves a word: a VM would be forced off, or left to be killed. Nothing when it does
/// not.
std::optional<std::string> logout_warning(const Plan& plan);

}  // namespace virtsession::window
