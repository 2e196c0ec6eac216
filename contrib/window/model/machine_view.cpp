// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_view.hpp"

#include "network_view.hpp"
#include "texts/translate.hpp"

#include <algorithm>

namespace virtsession::window {
namespace {

using namespace texts;

struct Look {
  Tone tone;
  const char* icon;
  std::string word;
};

/// libvirt's states of a VM that is up or down for good.
Look settled_look(const VmInfo& vm) {
  const auto state = vm.state();
  if (state == "paused") return {Tone::attention, "media-playback-pause-symbolic", _("Paused")};
  if (state == "pm-suspended") return {Tone::attention, "weather-clear-night-symbolic", _("Asleep")};
  if (state == "crashed") return {Tone::bad, "dialog-error-symbolic", _("Crashed")};
  if (state == "in-shutdown") return {Tone::attention, "system-shutdown-symbolic", _("Shutting down")};
  if (vm.is_active()) return {Tone::good, "media-playback-start-symbolic", _("Running")};
  if (!vm.text("LastError").empty()) return {Tone::bad, "dialog-warning-symbolic", _("Off after an error")};
  if (vm.flag("ManagedSave")) return {Tone::faint, "document-save-symbolic", _("Saved")};
  return {Tone::faint, "media-playback-stop-symbolic", _("Off")};
}

Look look_of(const VmInfo& vm) {
  const auto phase = vm.phase();
  if (phase == "gave-up") return {Tone::bad, "dialog-error-symbolic", _("Gave up")};
  if (phase == "unknown") return {Tone::faint, "dialog-question-symbolic", _("Unknown")};
  if (phase == "queued" || phase == "starting") return {Tone::attention, "content-loading-symbolic", _("Starting")};
  if (phase == "waiting") return {Tone::attention, "alarm-symbolic", _("Waiting")};
  if (phase == "backoff") return {Tone::attention, "view-refresh-symbolic", _("Starting again soon")};
  if (phase == "waiting-ready") return {Tone::attention, "content-loading-symbolic", _("Getting ready")};
  if (phase == "stopping") return {Tone::attention, "system-shutdown-symbolic", _("Shutting down")};
  if (phase == "saving")
    return {Tone::attention, "document-save-symbolic",
            vm.progress() ? filled(_("Saving, {} %"), *vm.progress()) : _("Saving")};
  if (phase == "stuck" && vm.state() != "crashed") return {Tone::bad, "dialog-error-symbolic", _("Stuck")};
  return settled_look(vm);
}

bool is_settled(const VmInfo& vm) {
  const auto phase = vm.phase();
  return phase == "running" || phase == "waiting-ready" || phase == "paused" || phase == "asleep" || phase == "stuck";
}

/// What a good policy wants and cannot have is none. An older virtsessiond has no codes.
bool has_policy_mistake(const VmInfo& vm) {
  const auto codes = vm.value("PolicyProblemCodes");
  const auto is_mistake = [](const auto& code) { return code != "not-possible" && code != "too-slow"; };
  return !vm.value("PolicyProblems").empty() && (codes.empty() || std::ranges::any_of(codes, is_mistake));
}

Section section_of(const VmInfo& vm, Tone tone) {
  if (tone == Tone::bad || has_policy_mistake(vm)) return Section::needs_you;
  const auto phase = vm.phase();
  const bool on_its_way = phase == "queued" || phase == "waiting" || phase == "backoff" || phase == "starting";
  return vm.is_active() || on_its_way ? Section::running : Section::off;
}

/// virtsessiond's reasons for what the word says by itself.
bool says_nothing_more(const std::string& reason) {
  return reason == "off" || reason == "started" || reason == "running";
}

}  // namespace

std::string section_title(Section section) {
  switch (section) {
    case Section::needs_you:
      return _("Needs You");
    case Section::running:
      return _("Running");
    case Section::off:
      return _("Off");
  }
  return {};
}

MachineView view_of(const VmInfo& vm, bool libvirt_ready) {
  auto look = look_of(vm);
  MachineView view;
  view.uuid = vm.uuid();
  view.name = vm.name();
  view.title = vm.text("Title");
  view.section = section_of(vm, look.tone);
  view.tone = look.tone;
  view.icon = look.icon;
  view.word = std::move(look.word);
  const auto error = vm.text("LastError");
  view.reason = look.tone == Tone::bad && !error.empty() && !vm.is_active() ? error : vm.reason();
  if (says_nothing_more(view.reason)) view.reason.clear();
  if (view.reason.empty() && has_policy_mistake(vm)) view.reason = _("its policy has a mistake");
  view.since = vm.is_active() ? std::max(vm.number("StartedUSec"), vm.number("PhaseSinceUSec")) : 0;
  if (vm.is_active()) view.forwards = forwards_line(vm);
  view.marked = vm.flag("Autostart") || vm.flag("AutostartOnce");
  view.can_be_marked = vm.flag("Persistent");
  view.verb = main_verb(vm);
  view.has_verb = has_main_verb(vm);
  view.dimmed = !libvirt_ready;
  return view;
}

bool can(const VmInfo& vm, Verb verb) {
  const auto state = vm.state(), phase = vm.phase();
  const bool runs = state == "running" || state == "blocked";
  switch (verb) {
    case Verb::start:
      return state == "shut-off" && phase != "starting" && phase != "queued";
    case Verb::shutdown:
    case Verb::reboot:
    case Verb::pause:
      return is_settled(vm) && runs;
    case Verb::save:
      return is_settled(vm) && (runs || state == "paused") && vm.flag("Persistent");
    case Verb::resume:
      return is_settled(vm) && (state == "paused" || state == "pm-suspended");
    case Verb::poweroff:
      return vm.is_active();
    case Verb::reset:
      return phase == "gave-up" || phase == "backoff";
  }
  return false;
}

bool has_main_verb(const VmInfo& vm) { return can(vm, main_verb(vm)); }

Verb main_verb(const VmInfo& vm) {
  if (!vm.is_active()) return Verb::start;
  return can(vm, Verb::resume) ? Verb::resume : Verb::shutdown;
}

std::string verb_text(Verb verb) {
  switch (verb) {
    case Verb::start:
      return _("Start");
    case Verb::shutdown:
      return _("Shut Down");
    case Verb::save:
      return _("Save");
    case Verb::pause:
      return _("Pause");
    case Verb::resume:
      return _("Resume");
    case Verb::reboot:
      return _("Restart");
    case Verb::poweroff:
      return _("Force Off…");
    case Verb::reset:
      return _("Forget Failures");
  }
  return {};
}

const char* verb_icon(Verb verb) {
  return verb == Verb::shutdown ? "system-shutdown-symbolic" : "media-playback-start-symbolic";
}

const char* verb_method(Verb verb) {
  switch (verb) {
    case Verb::start:
      return "Start";
    case Verb::shutdown:
      return "Shutdown";
    case Verb::save:
      return "Save";
    case Verb::pause:
      return "Pause";
    case Verb::resume:
      return "Resume";
    case Verb::reboot:
      return "Reboot";
    case Verb::poweroff:
      return "PowerOff";
    case Verb::reset:
      return "ResetFailed";
  }
  return "";
}

const char* verb_id(Verb verb) {
  switch (verb) {
    case Verb::start:
      return "start";
    case Verb::shutdown:
      return "shutdown";
    case Verb::save:
      return "save";
    case Verb::pause:
      return "pause";
    case Verb::resume:
      return "resume";
    case Verb::reboot:
      return "reboot";
    case Verb::poweroff:
      return "poweroff";
    case Verb::reset:
      return "reset";
  }
  return "";
}

std::string verb_failure(Verb verb, const std::string& name) {
  switch (verb) {
    case Verb::start:
      return filled(_("Failed to start “{}”"), name);
    case Verb::shutdown:
      return filled(_("Failed to shut down “{}”"), name);
    case Verb::save:
      return filled(_("Failed to save “{}”"), name);
    case Verb::pause:
      return filled(_("Failed to pause “{}”"), name);
    case Verb::resume:
      return filled(_("Failed to resume “{}”"), name);
    case Verb::reboot:
      return filled(_("Failed to restart “{}”"), name);
    case Verb::poweroff:
      return filled(_("Failed to force off “{}”"), name);
    case Verb::reset:
      return filled(_("Failed to forget failures of “{}”"), name);
  }
  return {};
}

}  // namespace virtsession::window
