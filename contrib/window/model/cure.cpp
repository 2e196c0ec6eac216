// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cure.hpp"

#include "virtsessionctl/advice.hpp"

namespace virtsession::window {

std::vector<Cure> cures_of(const VmInfo& vm) {
  std::vector<Cure> cures;
  for (const auto& advice : ctl::advise({}, {vm}))
    if (!advice.subject.empty()) cures.push_back({"“" + advice.subject + "” " + advice.text, advice.commands});
  return cures;
}

const char* phase_icon(const std::string& phase) {
  if (phase == "gave-up" || phase == "stuck") return "dialog-error-symbolic";
  if (phase == "running" || phase == "starting" || phase == "waiting-ready") return "media-playback-start-symbolic";
  if (phase == "stopping") return "system-shutdown-symbolic";
  if (phase == "saving") return "document-save-symbolic";
  if (phase == "paused" || phase == "asleep") return "media-playback-pause-symbolic";
  if (phase == "backoff") return "view-refresh-symbolic";
  if (phase == "waiting" || phase == "queued") return "alarm-symbolic";
  return phase == "unknown" ? "dialog-question-symbolic" : "media-playback-stop-symbolic";
}

}  // namespace virtsession::window
