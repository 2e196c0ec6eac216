// SPDX-License-Identifier: LGPL-2.1-or-later
#include "completion.hpp"

#include "client.hpp"
#include "core/policy.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/gather.hpp"
#include "policy_edit.hpp"
#include "text.hpp"
#include "viewers.hpp"
#include "vm_text.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

namespace virtsession::ctl {
namespace {

constexpr std::chrono::seconds kPatience{1};  // of whoever pressed Tab

struct Candidate {
  std::string text;
  std::string description;
};
using Candidates = std::vector<Candidate>;

constexpr std::pair<std::string_view, std::string_view> kPlans[] = {{"start", "as at login"}, {"stop", "as at logout"}};
constexpr std::pair<std::string_view, std::string_view> kSides[] = {{"system", ""}, {"session", ""}};
constexpr std::pair<std::string_view, std::string_view> kNetworks[] = {{"user", ""}, {"passt", ""}, {"bridge:", ""}};
constexpr std::pair<std::string_view, std::string_view> kLinger[] = {{"on", ""}, {"off", ""}, {"status", ""}};

/// The words before the one that is being completed, told apart.
struct Given {
  const Verb* verb = nullptr;
  const CLI::Option* open_option = nullptr;  ///< the word that is completed is its value
  std::vector<std::string> arguments;        ///< of the verb
  bool is_ours = true;                       ///< the word that is completed is not another program's
};

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  for (const auto* option : command.get_options())
    if (std::ranges::count(option_names(*option), name) > 0) return option;
  return nullptr;
}

Given understand(const CommandLine& line, const std::vector<std::string>& words) {
  Given given;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--" && given.verb && given.verb->arguments == Completes::ssh) {
      given.is_ours = false;
      break;
    }
    if (given.open_option) {
      given.open_option = nullptr;
    } else if (word.starts_with('-')) {
      const auto* option = given.verb ? find_option(*given.verb->command, word) : nullptr;
      if (option && !option->get_option_text().empty()) given.open_option = option;
    } else if (!given.verb) {
      given.verb = line.find(word);
      if (!given.verb) break;
    } else {
      given.arguments.push_back(word);
    }
  }
  return given;
}

Candidates verbs(const CommandLine& line) {
  Candidates found;
  for (const auto& verb : line.verbs) found.push_back({verb.command->get_name(), verb.command->get_description()});
  return found;
}

Candidates options(const CommandLine& line, const Given& given) {
  Candidates found;
  const auto add = [&](const CLI::App& command) {
    for (const auto* option : command.get_options([](const CLI::Option* each) { return each->nonpositional(); }))
      found.push_back({option_names(*option).back(), option->get_description()});
  };
  if (given.verb) add(*given.verb->command);
  add(line.app);
  return found;
}

Candidates listed(std::span<const std::pair<std::string_view, std::string_view>> words) {
  Candidates found;
  for (const auto& [text, description] : words) found.push_back({std::string(text), std::string(description)});
  return found;
}

/// All VMs, when they can be had at once.
std::vector<VmInfo> known_vms() {
  Client client;
  client.connection().setMethodCallTimeout(kPatience);
  return client.find() ? client.vms() : std::vector<VmInfo>();
}

bool fits(Completes wanted, const VmInfo& vm) {
  switch (wanted) {
    case Completes::inactive_vms:
      return !vm.is_active();
    case Completes::active_vms:
      return vm.is_active();
    case Completes::paused_vms:
      return vm.state() == "paused";
    case Completes::failed_vms:
      return vm.phase() == "backoff" || tone_of(vm) == Tone::bad;
    case Completes::marked_vms:
      return mark_text(vm) != "no";
    case Completes::unmarked_vms:
      return mark_text(vm) == "no" && vm.flag("Persistent");
    case Completes::nothing:
    case Completes::vms:
    case Completes::one_vm:
    case Completes::ports:
    case Completes::ssh:
    case Completes::vms_of_both:
    case Completes::policy:
    case Completes::plan:
    case Completes::linger:
    case Completes::verbs:
      break;
  }
  return true;
}

Candidates vm_names(Completes wanted, const std::vector<std::string>& already) {
  Candidates found;
  for (const auto& vm : known_vms()) {
    const auto name = vm.name();
    // A shell cannot be given what breaks its line; such a VM has its uuid.
    if (printable(name) != name || std::ranges::count(already, name) > 0 || !fits(wanted, vm)) continue;
    found.push_back({name, doing(vm)});
  }
  return found;
}

/// "root@web" for "root@w"
Candidates vms_after_user(const std::string& word) {
  auto found = vm_names(Completes::vms, {});
  if (const auto at = word.rfind('@'); at != std::string::npos)
    for (auto& candidate : found) candidate.text.insert(0, word, 0, at + 1);
  return found;
}

Candidates policy_words(const Given& given, const std::string& word) {
  if (given.arguments.empty()) return vm_names(Completes::vms, {});
  Candidates found;
  if (const auto equals = word.find('='); equals != std::string::npos) {
    const auto key = word.substr(0, equals);
    // Of a list, the entry that is being typed.
    const auto comma = policy_key_is_list(key) ? word.rfind(',') : std::string::npos;
    const auto before = word.substr(0, (comma == std::string::npos ? equals : comma) + 1);
    for (const auto& value : policy_key_values(key)) found.push_back({before + value, ""});
    return found;
  }
  for (const auto name : policy_key_names())
    found.push_back({std::string(name) + "=", policy_key_range(std::string(name))});
  return found;
}

/// What may be added to a VM's ports, and what may be removed.
Candidates port_changes(const std::string& vm) {
  Candidates found{{"+auto:22", "a free port for its sshd"}, {"+auto:", "a free port"}};
  Client client;
  client.connection().setMethodCallTimeout(kPatience);
  const auto read = client.find() ? client.vm(vm) : std::nullopt;
  if (!read) return found;
  if (const auto& ports = read->value("Policy").value("ports", nlohmann::json::array()); ports.is_array())
    for (const auto& entry : ports) found.push_back({"-" + entry.get<std::string>(), "remove it"});
  return found;
}

Candidates vms_of_both() {
  auto found = vm_names(Completes::vms, {});
  for (const auto& name : gather_system_libvirt(options_that_start_nothing()).vms)
    if (printable(name) == name) found.push_back({name, "in qemu:///system"});
  return found;
}

Candidates option_values(const CLI::Option& option, const Given& given) {
  Candidates found;
  const auto wanted = option_names(option).back();
  if (wanted == "--from") return listed(kSides);
  if (wanted == "--network") return listed(kNetworks);
  if (wanted == "--with") {
    for (const auto& viewer : viewers()) found.push_back({viewer.program, ""});
    return found;
  }
  if (wanted != "--property" || !given.verb) return found;
  const auto vms = known_vms();
  if (vms.empty()) return found;
  for (const auto& [name, _] : vms.front().json().items()) found.push_back({name, ""});
  return found;
}

Candidates arguments(const CommandLine& line, const Given& given, const std::string& word) {
  // These take one.
  const bool first = given.arguments.empty();
  switch (given.verb->arguments) {
    case Completes::nothing:
      return {};
    case Completes::verbs:
      return first ? verbs(line) : Candidates();
    case Completes::plan:
      return first ? listed(kPlans) : Candidates();
    case Completes::linger:
      return first ? listed(kLinger) : Candidates();
    case Completes::policy:
      return policy_words(given, word);
    case Completes::one_vm:
      return first ? vm_names(Completes::vms, {}) : Candidates();
    case Completes::ports:
      return first ? vm_names(Completes::vms, {}) : port_changes(given.arguments.front());
    case Completes::ssh:
      return first ? vms_after_user(word) : Candidates();
    case Completes::vms_of_both:
      return first ? vms_of_both() : Candidates();
    case Completes::vms:
    case Completes::inactive_vms:
    case Completes::active_vms:
    case Completes::paused_vms:
    case Completes::failed_vms:
    case Completes::marked_vms:
    case Completes::unmarked_vms:
      break;
  }
  return vm_names(given.verb->arguments, given.arguments);
}

Candidates complete(const CommandLine& line, const std::vector<std::string>& words) {
  const auto given = understand(line, words);
  const auto& word = words.back();
  if (!given.is_ours) return {};
  if (given.open_option) return option_values(*given.open_option, given);
  if (word.starts_with('-')) {
    auto found = options(line, given);
    if (given.verb && given.verb->arguments == Completes::ports)
      for (auto& candidate : arguments(line, given, word)) found.push_back(std::move(candidate));
    return found;
  }
  if (given.verb) return arguments(line, given, word);
  return words.size() == 1 || words.front().starts_with('-') ? verbs(line) : Candidates();
}

}  // namespace

void print_completions(Console& console, const CommandLine& line, const std::vector<std::string>& words) {
  if (words.empty()) return;
  try {
    for (const auto& [text, description] : complete(line, words))
      if (text.starts_with(words.back()))
        console.print(description.empty() ? text : text + "\t" + printable(description));
  } catch (const Failure&) {
    // A shell that completes has nowhere to show an error: there is nothing to complete.
  } catch (const sdbus::Error&) {
  }
}

}  // namespace virtsession::ctl
