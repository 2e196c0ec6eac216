// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.hpp"

#include "libvirt/policy_xml.hpp"
#include "text.hpp"
#include "util/shell_word.hpp"

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

void advise_on_libvirt(const Properties& manager, std::vector<Advice>& advices) {
  const auto state = manager.text("LibvirtState"), reason = manager.text("LibvirtReason");
  if (state == "ready" || (state != "down" && reason.empty())) return;
  std::vector<std::string> commands{"virtsessionctl doctor"};
  if (manager.flag("LibvirtManaged"))
    commands.push_back("journalctl --user -u virtsession-" + shell_word(manager.text("LibvirtDaemon")));
  advices.push_back({"", "There is no connection to libvirt" + (reason.empty() ? "" : ": " + reason), commands});
}

void advise_on_config(const Properties& manager, std::vector<Advice>& advices) {
  constexpr std::size_t kMost = 5;
  const auto path = manager.text("ConfigPath");
  const auto problems = manager.value("ConfigProblems");
  for (std::size_t i = 0; i < std::min(problems.size(), kMost); ++i)
    advices.push_back(
        {"",
         "The configuration is not used: " + (path.empty() ? "" : path + ": ") + problem_text(problems[i]),
         {"virtsessionctl reload   # after you have corrected it"}});
  if (problems.size() > kMost)
    advices.push_back(
        {"", "The configuration has more mistakes than these:", {"virtsessiond --check-config " + shell_word(path)}});
}

/// What a mistake in a policy asks for: an unknown key can only be removed.
std::vector<std::string> policy_commands(const VmInfo& vm, const json& problem, const std::string& code) {
  const auto command = "virtsessionctl policy " + vm.command_word();
  if (code == "unreadable")
    return {"virsh -c qemu:///session metadata " + vm.command_word() + " " + kPolicyNamespace + "   # what it says",
            command + " --clear   # removes it"};
  if (code == "unknown-key") return {command + " --clear " + shell_word(problem.value("pointer", " ").substr(1))};
  return {command + " --edit"};
}

/// \param code of PolicyProblemCodes; empty when virtsessiond is older than they are
Advice policy_advice(const VmInfo& vm, const json& problem, const std::string& code) {
  const auto commands = policy_commands(vm, problem, code);
  const auto text = problem.value("text", std::string()), suggestion = problem.value("suggestion", std::string());
  if (code == "too-slow")
    return {vm.name(),
            "cannot do what its policy says: " + text,
            {"sudoedit /etc/systemd/logind.conf   # " + suggestion.substr(0, suggestion.find(' '))}};
  if (code == "not-possible") return {vm.name(), "cannot do what its policy says: " + text, commands};
  if (code == "more") return {vm.name(), "has more mistakes in its policy than these: " + text, commands};
  return {vm.name(), "has a mistake in its policy: " + problem_text(problem), commands};
}

void advise_on_policy(const VmInfo& vm, std::vector<Advice>& advices) {
  const auto &problems = vm.value("PolicyProblems"), &codes = vm.value("PolicyProblemCodes");
  for (std::size_t i = 0; i < problems.size(); ++i)
    advices.push_back(policy_advice(vm, problems[i], i < codes.size() ? codes[i].get<std::string>() : ""));
}

void advise_on_vm(const VmInfo& vm, std::vector<Advice>& advices) {
  const auto word = vm.command_word(), error = vm.text("LastError");
  if (vm.phase() == "gave-up")
    advices.push_back(
        {vm.name(),
         "gave up: " + vm.reason(),
         {"virtsessionctl logs " + word, "virtsessionctl start " + word + "   # when the cause is gone"}});
  else if (vm.phase() == "inactive" && !error.empty())
    advices.push_back({vm.name(),
                       "is off because of an error: " + error,
                       {"virtsessionctl logs " + word, "virtsessionctl start " + word + "   # to try again"}});
  else if ((vm.phase() == "inactive" || vm.phase() == "paused") && vm.reason().find("GNOME Boxes") != std::string::npos)
    advices.push_back({vm.name(),
                       "was " + vm.reason() + "; \"Run in background\" in its preferences there keeps it running",
                       {"virtsessionctl " + std::string(vm.phase() == "paused" ? "resume " : "start ") + word}});
  else if (vm.phase() == "stuck" && vm.state() != "crashed")
    advices.push_back({vm.name(),
                       "stands still: " + vm.reason() +
                           (vm.reason().find("no space left") == std::string::npos
                                ? ""
                                : "; it goes on by itself when there is room again"),
                       {"virtsessionctl resume " + word + "   # to try it at once"}});
  else if (vm.state() == "crashed")
    advices.push_back({vm.name(), "has crashed, and its QEMU was kept", {"virtsessionctl poweroff " + word}});
  advise_on_policy(vm, advices);
}

void advise_newcomer(const std::vector<VmInfo>& vms, std::vector<Advice>& advices) {
  const auto starts = [](const VmInfo& vm) {
    const auto& policy = vm.value("Policy");
    const bool by_itself = policy.is_object() && policy.value("start", json()) == "was-running";
    return vm.flag("Autostart") || vm.flag("AutostartOnce") || by_itself;
  };
  if (vms.empty()) {
    advices.push_back(
        {"",
         "There is no virtual machine of yours yet. Make one with GNOME Boxes, with virt-manager (told once "
         "where, it remembers), or with virt-install (Debian's package virtinst):",
         {"virt-manager --connect qemu:///session",
          "virt-install --connect qemu:///session --name web --memory 2048 --disk size=10 --osinfo "
          "detect=on,require=off --cdrom FILE.iso"}});
  } else if (std::ranges::none_of(vms, starts)) {
    const auto own = std::ranges::find_if(vms, [](const VmInfo& vm) { return vm.flag("Persistent"); });
    if (own == vms.end()) return;
    advices.push_back({"",
                       "No VM is marked to start at login. To mark one:",
                       {"virtsessionctl enable " + own->command_word(), "virtsessionctl plan   # what a login does"}});
  }
}

}  // namespace

std::string problem_text(const json& problem) {
  const auto text = problem.value("text", std::string()), suggestion = problem.value("suggestion", std::string());
  return suggestion.empty() ? text : text + ", " + suggestion;
}

Advice advise_on_system_vms(const std::string& system_vms) {
  return {"",
          system_vms + ". They are not here: this is qemu:///session, with the VMs that are yours alone",
          {"virtsessionctl doctor --uri   # system or session?",
           "virtsessionctl list --system   # to see them, and to move them here"}};
}

std::vector<Advice> advise(const Properties& manager, const std::vector<VmInfo>& vms) {
  std::vector<Advice> advices;
  advise_on_libvirt(manager, advices);
  advise_on_config(manager, advices);
  for (const auto& vm : vms) advise_on_vm(vm, advices);
  if (manager.text("LibvirtState") == "ready") advise_newcomer(vms, advices);
  return advices;
}

}  // namespace virtsession::ctl
