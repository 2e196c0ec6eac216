// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_view.hpp"

#include "texts/translate.hpp"

#include <algorithm>
#include <map>

namespace virtsession::window {
namespace {

using namespace texts;

std::size_t count(const Plan& plan, const char* decision) {
  return static_cast<std::size_t>(std::ranges::count(plan, decision, &PlanStep::decision));
}

void add(std::string& text, const Plural& form, std::size_t number) {
  if (number == 0) return;
  if (!text.empty()) text += ", ";
  text += filled(ngettext_(form, number), number);
}

double stop_seconds(const VmInfo& vm) {
  const auto& policy = vm.value("Policy");
  if (!policy.is_object()) return 0;
  const auto actions = policy.value("stop_actions", nlohmann::json::array());
  const auto timeout = policy.value("stop_timeout_sec", nlohmann::json(0));
  // The last action is not cut off: what it needs is not waited for in vain.
  const auto waited_for = actions.size() > 1 ? static_cast<double>(actions.size() - 1) : 1;
  return timeout.is_number() ? timeout.get<double>() * waited_for : 0;
}

}  // namespace

std::vector<Wave> waves_of(const Plan& plan) {
  std::map<std::uint32_t, Wave> waves;
  Wave skipped{_("Nothing Is Done"), {}};
  for (const auto& step : plan) {
    if (step.wave == 0) {
      skipped.steps.push_back(step);
      continue;
    }
    auto& wave = waves[step.wave];
    wave.title = step.wave == 1 ? _("First") : filled(_("Then ({})"), step.wave);
    wave.steps.push_back(step);
  }
  std::vector<Wave> result;
  for (auto& [number, wave] : waves) result.push_back(std::move(wave));
  if (!skipped.steps.empty()) result.push_back(std::move(skipped));
  return result;
}

std::string start_decision_text(const std::string& decision) {
  if (decision == "start") return _("Starts");
  if (decision == "wait") return _("Starts later");
  if (decision == "skip") return _("Does not start");
  return decision;
}

std::string stop_decision_text(const std::string& decision) {
  if (decision == "shutdown") return _("Is shut down");
  if (decision == "save") return _("Is saved");
  if (decision == "poweroff") return _("Is forced off");
  if (decision == "leave") return _("Is left to be killed");
  if (decision == "skip") return _("Nothing is done");
  return decision;
}

std::string deciding_start_key(const PlanStep& step, const VmInfo& vm) {
  const auto& policy = vm.value("Policy");
  if (step.decision != "wait" || !policy.is_object()) return "start";
  const auto given = [&](const char* key, const nlohmann::json& unset) { return policy.value(key, unset) != unset; };
  if (given("start_after", nlohmann::json::array())) return "start_after";
  if (given("start_if_paths", nlohmann::json::array())) return "start_if_paths";
  for (const char* const key : {"start_if_ac_power", "start_if_graphical"})
    if (given(key, false)) return key;
  if (given("start_if_free_memory_mib", 0)) return "start_if_free_memory_mib";
  return given("start_delay_sec", 0) ? "start_delay_sec" : "start_order";
}

std::string deciding_stop_key() { return "stop_actions"; }

std::chrono::seconds stop_bound(const Plan& plan, const std::vector<VmInfo>& vms, std::chrono::microseconds budget) {
  std::map<std::uint32_t, double> waves;
  for (const auto& step : plan) {
    const auto vm = std::ranges::find(vms, step.path, &VmInfo::path);
    if (step.wave == 0 || vm == vms.end() || step.decision == "leave") continue;
    waves[step.wave] = std::max(waves[step.wave], step.decision == "poweroff" ? 1 : stop_seconds(*vm));
  }
  double sum = 0;
  for (const auto& [number, seconds] : waves) sum += seconds;
  const auto all = std::chrono::seconds(static_cast<std::int64_t>(sum + 0.5));
  return budget.count() > 0 ? std::min(all, std::chrono::duration_cast<std::chrono::seconds>(budget)) : all;
}

std::string logout_text(const Plan& plan, std::chrono::seconds bound) {
  std::string parts;
  add(parts, NP_("{} shut down", "{} shut down"), count(plan, "shutdown"));
  add(parts, NP_("{} saved", "{} saved"), count(plan, "save"));
  add(parts, NP_("{} forced off", "{} forced off"), count(plan, "poweroff"));
  add(parts, NP_("{} left to be killed", "{} left to be killed"), count(plan, "leave"));
  if (parts.empty()) return _("At logout: nothing to do");
  return filled(_("At logout: {}, at most {} s"), parts, bound.count());
}

std::optional<std::string> logout_warning(const Plan& plan) {
  std::string names;
  std::size_t number = 0;
  for (const auto& step : plan) {
    if (step.decision != "poweroff" && step.decision != "leave") continue;
    names += (names.empty() ? "" : ", ") + step.name;
    ++number;
  }
  if (number == 0) return std::nullopt;
  return filled(ngettext_("The virtual machine {} would be forced off, and its guest may lose work",
                          "The virtual machines {} would be forced off, and their guests may lose work", number),
                names);
}

}  // namespace virtsession::window
