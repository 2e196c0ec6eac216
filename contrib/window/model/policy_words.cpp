// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_words.hpp"

#include "policy_form.hpp"
#include "texts/translate.hpp"

#include <array>
#include <cctype>
#include <string_view>

namespace virtsession::window {
namespace {

using namespace texts;

struct Word {
  std::string_view of;
  const char* text;
};

constexpr std::array kTitles{
    Word{"start", N_("Start at Login")},
    Word{"start_order", N_("Start Order")},
    Word{"start_after", N_("Start After")},
    Word{"start_delay_sec", N_("Delay (Seconds)")},
    Word{"start_ready", N_("Ready When")},
    Word{"start_ready_timeout_sec", N_("Wait Until Ready (Seconds)")},
    Word{"start_ready_delay_sec", N_("Ready After (Seconds)")},
    Word{"start_retries", N_("Retries")},
    Word{"start_if_ac_power", N_("Only on Mains Power")},
    Word{"start_if_graphical", N_("Only on a Desktop")},
    Word{"start_if_free_memory_mib", N_("Free Memory (MiB)")},
    Word{"start_if_paths", N_("Paths That Must Exist")},
    Word{"restart", N_("Restart")},
    Word{"restart_delay_sec", N_("First Wait (Seconds)")},
    Word{"restart_delay_max_sec", N_("Longest Wait (Seconds)")},
    Word{"restart_limit", N_("Give Up After (Restarts)")},
    Word{"restart_window_sec", N_("Counted Within (Seconds)")},
    Word{"stop_actions", N_("What Is Tried")},
    Word{"stop_timeout_sec", N_("Time for Each (Seconds)")},
    Word{"stop_order", N_("Stop Order")},
    Word{"sleep", N_("Before the Host Sleeps")},
    Word{"resume_sync_time", N_("Set the Guest’s Clock Afterwards")},
    Word{"resume_when_unstuck", N_("Go On When a Disk Has Room Again")},
    Word{"when_saved_by_others", N_("When Another Program Saved It")},
    Word{"on_battery", N_("On Battery")},
    Word{"on_low_battery", N_("On Low Battery")},
    Word{"after_units", N_("After Units")},
    Word{"ports", N_("Forwarded Ports")},
    Word{"cpu_weight", N_("Processor Weight")},
    Word{"io_weight", N_("Disk Weight")},
    Word{"memory_high_mib", N_("Memory Limit (MiB)")},
};

struct Choice {
  std::string_view key, choice;
  const char* text;
};

constexpr std::array kChoices{
    Choice{"start", "flag", N_("If Marked")},
    Choice{"start", "was-running", N_("If It Was Running")},
    Choice{"start", "never", N_("Never")},
    Choice{"restart", "no", N_("Never")},
    Choice{"restart", "on-failure", N_("After a Crash")},
    Choice{"restart", "always", N_("Always")},
    Choice{"sleep", "none", N_("Leave as It Is")},
    Choice{"on_battery", "none", N_("Leave as It Is")},
    Choice{"on_low_battery", "none", N_("Leave as It Is")},
    Choice{"when_saved_by_others", "go-on", N_("Go On")},
    Choice{"when_saved_by_others", "leave", N_("Leave It Saved")},
    Choice{"", "shutdown", N_("Shut Down")},
    Choice{"", "save", N_("Save")},
    Choice{"", "pause", N_("Pause")},
    Choice{"", "poweroff", N_("Force Off")},
    Choice{"", "leave", N_("Leave Running")},
};

bool begins(std::string_view key, std::string_view prefix) { return key.starts_with(prefix); }

}  // namespace

std::string key_title(const std::string& key) {
  for (const auto& word : kTitles)
    if (word.of == key) return _(word.text);
  auto text = key;
  for (auto& letter : text)
    if (letter == '_') letter = ' ';
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string group_title(const std::string& key) {
  if (begins(key, "start_if")) return _("Conditions for a Start");
  if (begins(key, "start")) return _("Start at Login");
  if (begins(key, "restart")) return _("When It Ends by Itself");
  if (begins(key, "stop")) return _("At Logout and Shutdown");
  if (begins(key, "sleep") || begins(key, "resume") || begins(key, "on_")) return _("Sleep and Power");
  if (begins(key, "cpu") || begins(key, "io") || begins(key, "memory")) return _("Resources");
  return _("More");
}

std::string source_text(Source source) {
  switch (source) {
    case Source::machine:
      return _("Set for this machine");
    case Source::configuration:
      return _("From the configuration");
    case Source::built_in:
      return _("Default");
  }
  return {};
}

std::string choice_text(const std::string& key, const std::string& choice) {
  for (const auto& known : kChoices)
    if (known.choice == choice && (known.key.empty() || known.key == key)) return _(known.text);
  return choice;
}

}  // namespace virtsession::window
