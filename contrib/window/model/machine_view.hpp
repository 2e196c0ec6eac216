// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "virtsessionctl/vm_info.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace virtsession::window {

using ctl::Properties;
using ctl::VmInfo;

/// The parts of the list of VMs, in their order.
enum class Section { needs_you, running, off };
std::string section_title(Section section);

/// How a VM fares, for a glance.
enum class Tone { good, attention, bad, faint };

/// What can be done to a VM.
enum class Verb { start, shutdown, save, pause, resume, reboot, poweroff, reset };

/// All of them, in the order of a menu.
inline constexpr std::array kVerbs{Verb::start,  Verb::shutdown, Verb::save,     Verb::pause,
                                   Verb::resume, Verb::reboot,   Verb::poweroff, Verb::reset};

/// What is shown of one VM, whatever the widget.
struct MachineView {
  std::string uuid;
  std::string name;
  std::string title;  ///< empty when it has none
  Section section = Section::off;
  Tone tone = Tone::faint;
  std::string icon;         ///< a symbolic icon's name
  std::string word;         ///< "Running", in the user's language
  std::string reason;       ///< why, as virtsessiond says it; empty when the word says it all
  std::string forwards;     ///< "2222 → 22": ports that lead into it now; mostly empty
  std::uint64_t since = 0;  ///< when it began to do so, in CLOCK_REALTIME's microseconds; 0 when it does not run
  bool marked = false;      ///< starts at login
  bool can_be_marked = false;
  Verb verb = Verb::start;  ///< what its one button does
  bool has_verb = false;    ///< false: nothing fits what is on its way
  bool dimmed = false;      ///< what is shown may be out of date

  bool operator==(const MachineView&) const = default;
};

/// \param libvirt_ready whether what the VM shows is what libvirt has
MachineView view_of(const VmInfo& vm, bool libvirt_ready);

/// \return whether the verb can be used now; what is on its way is left alone
bool can(const VmInfo& vm, Verb verb);

/// The verb that a VM's one button has: start it, let it go on, or shut it down. Nothing fits what is on its way.
bool has_main_verb(const VmInfo& vm);
Verb main_verb(const VmInfo& vm);

/// Its button's text, "Shut Down"; its icon; the method of org.virtsession.Supervisor1.VM; its name in actions.
std::string verb_text(Verb verb);
const char* verb_icon(Verb verb);
const char* verb_method(Verb verb);
const char* verb_id(Verb verb);

/// What was asked for and failed: "Failed to start “web”".
std::string verb_failure(Verb verb, const std::string& name);

}  // namespace virtsession::window
