// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_edit.hpp"

#include "core/json_text.hpp"
#include "draft.hpp"
#include "policy_values.hpp"
#include "property_json.hpp"
#include "select.hpp"
#include "text.hpp"
#include "vm_operation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

Outcome call(Client& client, Console& console, const VmInfo& vm, const std::vector<Send>& steps) {
  Outcome ended;
  Calls(client, console, {vm}).run({{vm.path, steps}}, std::nullopt, [&](std::size_t, const Outcome& outcome) {
    ended = outcome;
  });
  return ended;
}

void call_or_fail(Client& client, Console& console, const VmInfo& vm, const std::vector<Send>& steps) {
  const auto ended = call(client, console, vm, steps);
  if (!ended.succeeded())
    throw Failure(kFailed, printable(vm.name()) + ": " + printable(ended.message),
                  hint_for(ended.error_name, command_word(vm)));
}

Send set_method(const json& keys) { return send_method(kVmInterface, "SetPolicy", to_variants(keys), VariantMap()); }

Send clear_method(const std::vector<std::string>& keys) {
  VariantMap options;
  if (!keys.empty()) options.emplace("keys", sdbus::Variant(keys));
  return vm_method("ClearPolicy", options);
}

/// What a person gets to edit: what the VM carries, under what there is to choose from.
std::string draft_text(const VmInfo& vm) {
  auto text = fmt::format(
      "// The policy that VM \"{}\" carries. What is not set here comes from the defaults, which are now:\n",
      printable(vm.name()));
  const auto& policy = vm.value("Policy");
  for (const auto& key : policy_keys(policy)) {
    if (policy_source(vm, key) == "vm") continue;
    const auto value = policy.contains(key) ? policy.at(key).dump() + "," : "(not set)";
    text += fmt::format("//   {:<52} {}\n", json(key).dump() + ": " + value, policy_key_range(key));
  }
  for (const auto& problem : vm.value("PolicyProblems"))
    text += fmt::format("// Not used: {}\n", printable(problem.value("text", std::string())));
  return text + vm.value("PolicyOverrides").dump(2) + "\n";
}

/// \return what is wrong with a text, or nothing when it has been applied
std::optional<std::string> apply(Client& client, Console& console, const VmInfo& vm, const json& before,
                                 const std::string& text) {
  const auto parsed = parse_json(text, JsonComments::ignore);
  if (!parsed) return parsed.error().message;
  if (!parsed->is_object()) return "the text must be an object: { ... }";
  std::vector<std::string> removed;
  for (const auto& [key, _] : before.items())
    if (!parsed->contains(key)) removed.push_back(key);
  for (const auto& [key, value] : parsed->items())
    if (value.is_null()) return key + " is null; to go back to the default, take the line out";
  std::vector<Send> steps;
  if (!parsed->empty()) steps.push_back(set_method(*parsed));
  if (!removed.empty()) steps.push_back(clear_method(removed));
  const auto ended = call(client, console, vm, steps);
  if (ended.succeeded()) return std::nullopt;
  return ended.message;
}

bool wants_another_try() {
  if (isatty(STDIN_FILENO) != 1) return false;
  std::fputs("Edit again? [Y/n] ", stderr);
  const int answer = std::getchar();
  for (int rest = answer; rest != '\n' && rest != EOF;) rest = std::getchar();
  return answer != 'n' && answer != 'N' && answer != EOF;
}

}  // namespace

void set_policy(Client& client, Console& console, const VmInfo& vm, const json& keys) {
  call_or_fail(client, console, vm, {set_method(keys)});
}

void clear_policy(Client& client, Console& console, const VmInfo& vm, const std::vector<std::string>& keys) {
  call_or_fail(client, console, vm, {clear_method(keys)});
}

bool edit_policy(Client& client, Console& console, const VmInfo& vm) {
  const auto before = vm.value("PolicyOverrides");
  const auto original = draft_text(vm);
  Draft draft(original);
  while (true) {
    const auto text = draft.edit();
    const auto parsed = parse_json(text, JsonComments::ignore);
    if (text == original || (parsed && *parsed == before)) return false;
    const auto problem = apply(client, console, vm, before, text);
    if (!problem) return true;
    console.error(printable(*problem));
    if (!wants_another_try())
      throw Failure(kFailed, "the policy stays as it was", "What you wrote is in " + draft.keep());
  }
}

}  // namespace virtsession::ctl
