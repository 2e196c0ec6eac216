// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../advice.hpp"
#include "../console.hpp"
#include "../policy_edit.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_info.hpp"

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

struct PolicyOptions {
  std::string vm;
  std::vector<std::string> words;
  bool edit = false, clear = false;
};

int show(Console& console, const VmInfo& vm, const std::string& config_path) {
  const auto& policy = vm.value("Policy");
  auto sources = json::object();
  Table table({"KEY", "VALUE", "FROM"});
  for (const auto& key : policy_keys(policy)) {
    const auto source = policy_source(vm, key);
    const bool own = source == "vm", has_value = policy.contains(key);
    if (has_value) sources[key] = source;
    const auto from_file = source == "configuration" && !config_path.empty();
    table.add({{key, own ? Tone::strong : Tone::plain},
               {has_value ? policy_value_text(policy.at(key)) : "-", own ? Tone::strong : Tone::plain},
               {own         ? "this VM"
                : from_file ? config_path
                            : source,
                own || from_file ? Tone::plain : Tone::faint}});
  }
  if (console.json) {
    console.print_json({{"uuid", vm.uuid()},
                        {"name", vm.name()},
                        {"policy", vm.value("Policy")},
                        {"policy_overrides", vm.value("PolicyOverrides")},
                        {"sources", sources},
                        {"policy_problems", vm.value("PolicyProblems")}});
    return kOk;
  }
  table.print(console);
  for (const auto& problem : vm.value("PolicyProblems")) console.error(printable(problem_text(problem)));
  return kOk;
}

int show_value(Console& console, const VmInfo& vm, const std::string& key) {
  const auto& policy = vm.value("Policy");
  const auto keys = policy_keys(policy);
  if (std::ranges::find(keys, key) == keys.end())
    throw Failure(kUsage, "there is no policy key " + quote(key) + suggestion(key, keys),
                  "All keys:  virtsessionctl policy " + vm.command_word());
  const auto value = policy.value(key, json());
  if (console.json)
    console.print_json(value);
  else
    console.print(value.is_null() ? "" : printable(policy_value_text(value)));
  return kOk;
}

int look(Console& console, const PolicyOptions& options) {
  auto client = looking_client();
  client.wait_for_libvirt();
  const auto vm = client.select_one(options.vm);
  return options.words.empty() ? show(console, vm, client.manager_properties().text("ConfigPath"))
                               : show_value(console, vm, options.words.front());
}

int report(Console& console, const VmInfo& vm, const std::string& done) {
  if (console.json)
    console.print_json({{"uuid", vm.uuid()}, {"name", vm.name()}, {"result", "done"}});
  else
    console.print(printable(vm.name()) + ": " + done);
  return kOk;
}

json assignments(const VmInfo& vm, const std::vector<std::string>& words) {
  auto keys = json::object();
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Failure(kUsage, quote(word) + " is no KEY=VALUE",
                    "For example:  virtsessionctl policy " + vm.command_word() + " restart=on-failure");
    const auto key = word.substr(0, equals);
    keys[key] = parse_policy_value(key, word.substr(equals + 1), vm.value("Policy"));
  }
  return keys;
}

int change(Console& console, const PolicyOptions& options) {
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  const auto vm = client.select_one(options.vm);
  if (options.edit) {
    const bool changed = edit_policy(client, console, vm);
    return report(console, vm, changed ? "the policy is changed" : "the policy stays as it was");
  }
  if (options.clear) {
    for (const auto& word : options.words)
      if (word.find('=') != std::string::npos)
        throw Failure(kUsage, "--clear wants keys, and " + quote(word) + " has a value");
    clear_policy(client, console, vm, options.words);
    return report(console, vm, "the defaults apply again");
  }
  set_policy(client, console, vm, assignments(vm, options.words));
  return report(console, vm, "the policy is changed");
}

}  // namespace

Verb add_policy(CLI::App& app) {
  const auto options = std::make_shared<PolicyOptions>();
  auto* command = app.add_subcommand("policy", "Show or change how a VM is looked after")->group(kConfigure);
  command->add_option("VM", options->vm, "A name, a uuid or a pattern that fits one VM")->required();
  command
      ->add_option("SETTING", options->words,
                   "Keys to set; with one KEY alone, its value is printed; with --clear, KEYs to clear")
      ->option_text("KEY=VALUE");
  auto* edit = command->add_flag("-e,--edit", options->edit, "Edit all keys of this VM in $VISUAL or $EDITOR");
  command->add_flag("--clear", options->clear, "Let the defaults apply again: for these keys, or for all")
      ->excludes(edit);
  command->footer(
      "Without keys: what is in force, and where each value comes from (this VM, the configuration, or built in).\n"
      "Examples:\n"
      "  virtsessionctl policy web restart=on-failure start_order=20\n"
      "  virtsessionctl policy app start_after=db,web\n"
      "  virtsessionctl policy web --clear start_order\n"
      "What the keys mean is in virtsessionctl(1).");
  return {command, Completes::policy, [options](Console& console) {
            const bool one_key = options->words.size() == 1 && options->words.front().find('=') == std::string::npos;
            const bool looks = !options->edit && !options->clear && (options->words.empty() || one_key);
            if (options->edit && !options->words.empty())
              throw Failure(kUsage, "--edit takes no keys: all of them are in the text");
            return looks ? look(console, *options) : change(console, *options);
          }};
}

}  // namespace virtsession::ctl
