// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.hpp"

#include "dbus/object_path.hpp"
#include "property_json.hpp"
#include "text.hpp"

#include <fmt/format.h>

namespace virtsession::ctl {
namespace {

constexpr std::size_t kBarWidth = 20;

bool is_under_way(const VmInfo& vm) {
  const auto phase = vm.phase();
  return phase != "inactive" && phase != "running" && phase != "gave-up" && phase != "unknown";
}

/// "[#########...........] 45 %"
std::string bar(unsigned percent, const Terminal& terminal) {
  const auto full = kBarWidth * percent / 100;
  std::string text = "[";
  for (std::size_t i = 0; i < kBarWidth; ++i) text += i < full ? terminal.choose("█", "#") : terminal.choose("░", ".");
  return text + fmt::format("] {} %", percent);
}

}  // namespace

Progress::Progress(Client& client, const std::vector<VmInfo>& vms) {
  for (const auto& vm : vms) vms_[vm.path] = vm;
  match_ = sdbus_compat::add_match(client.connection(),
                                   "type='signal',member='PropertiesChanged',sender='" + client.service() +
                                       "',path_namespace='" + std::string(kRootPath) + "'",
                                   [this](sdbus::Message& message) { on_changed(message); });
}

void Progress::on_changed(sdbus::Message& message) {
  const auto vm = vms_.find(message.getPath());
  if (vm == vms_.end()) return;
  std::string interface;
  VariantMap changed;
  message >> interface >> changed;
  vm->second.update(properties_to_json(changed));
}

const VmInfo* Progress::shown(const std::string& path, std::size_t& others) const {
  if (path != kRootPath) {
    const auto found = vms_.find(path);
    return found == vms_.end() ? nullptr : &found->second;
  }
  const VmInfo* first = nullptr;
  for (const auto& [_, vm] : vms_) {
    if (!is_under_way(vm)) continue;
    if (first) ++others;
    if (!first) first = &vm;
  }
  return first;
}

std::string Progress::line(const std::vector<std::string>& paths, std::size_t total,
                           std::chrono::steady_clock::duration elapsed, const Terminal& terminal) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed);
  std::size_t others = paths.size() - 1;
  const auto* vm = shown(paths.front(), others);
  auto text = std::string(terminal.choose("… ", ""));
  if (vm) {
    const auto reason = vm->reason();
    text += fmt::format("{}: {}", printable(vm->name()), vm->phase());
    if (const auto percent = vm->progress())
      text += " " + bar(*percent, terminal);
    else if (!reason.empty() && is_under_way(*vm))
      text += ", " + printable(reason);
  } else {
    text += "waiting for virtsessiond";
  }
  text += fmt::format(" ({} s)", seconds.count());
  if (others > 0) text += fmt::format(", and {} more", others);
  if (total > 1) text += fmt::format("; {} of {} done", total - paths.size(), total);
  return text;
}

}  // namespace virtsession::ctl
