// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line.hpp"

#include "console.hpp"
#include "text.hpp"
#include "verb.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace virtsession::ctl {
namespace {

constexpr const char* kDescription =
    "Shows and steers your own virtual machines (qemu:///session), which virtsessiond looks after.";

constexpr const char* kFooter = R"(VM is a name, a uuid or a pattern: 'web*'. Several are handled at once.

Exit status:
  0  done
  1  something failed, or doctor found a problem
  2  the command line makes no sense
  3  virtsessiond does not run
  4  no such VM

To begin with:
  virtsessionctl                     what runs, what does not and why, and what to do
  virtsessionctl enable web          start "web" at every login
  virtsessionctl policy web --edit   order, readiness, restart after a crash ...
  virtsessionctl plan                what a login does

'virtsessionctl help VERB' tells all about a verb; everything is in virtsessionctl(1).)";

std::string verb_of(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? "" : given.front()->get_name();
}

std::vector<std::string> all_options(const CommandLine& line, const std::string& verb) {
  std::vector<std::string> names;
  std::vector<const CLI::App*> commands{&line.app};
  if (const auto* found = line.find(verb)) commands.push_back(found->command);
  for (const auto* command : commands)
    for (const auto* option : command->get_options())
      for (auto& name : option_names(*option)) names.push_back(std::move(name));
  return names;
}

// CLI11 would print types and groups; people read usages.

constexpr const char* kGroups[] = {kLook, kRun, kUse, kConfigure, kService};
constexpr int kColumn = 24;

bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() >= CLI::detail::expected_max_vector_size;
}

/// An option's text stands for its name, in which CLI11 (from 2.4) takes no '='.
std::string positional_name(const CLI::Option& option) {
  const auto& text = option.get_option_text();
  return (text.empty() ? option.get_name(true) : text) + (takes_many(option) ? "..." : "");
}

std::string positional_usage(const CLI::Option& option) {
  const auto name = positional_name(option);
  return option.get_required() ? name : "[" + name + "]";
}

std::string row(const std::string& name, const std::string& description) {
  const bool is_long = name.size() > kColumn;
  return fmt::format("  {:<{}}{}{}\n", name, is_long ? 0 : kColumn,
                     is_long ? "\n" + std::string(kColumn + 3, ' ') : " ", description);
}

std::string option_row(const CLI::Option& option) {
  std::string names;
  for (const auto& name : option_names(option)) names += (names.empty() ? "" : ", ") + name;
  if (!option.get_option_text().empty()) names += " " + option.get_option_text();
  return row(names, option.get_description());
}

std::string options_text(const CLI::App& command) {
  std::string text;
  for (const auto* option : command.get_options([](const CLI::Option* each) { return each->nonpositional(); }))
    text += option_row(*option);
  return text;
}

std::string verbs_text(const CLI::App& app) {
  std::string text;
  for (const auto* const group : kGroups) {
    text += fmt::format("\n{}:\n", group);
    for (const auto* command : app.get_subcommands([&](const CLI::App* each) { return each->get_group() == group; })) {
      std::string usage = command->get_name();
      for (const auto* option : command->get_options([](const CLI::Option* each) { return each->get_positional(); }))
        usage += " " + positional_usage(*option);
      text += row(usage, command->get_description());
    }
  }
  return text;
}

}  // namespace

CommandLine::CommandLine() : app(kDescription, "virtsessionctl") {
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.footer(kFooter);
  app.set_help_flag();  // ours is a plain flag, so that one renderer makes all help
  add_global_options();
  using Add = Verb (*)(CLI::App&);
  for (const Add add : {add_status,    add_list,      add_show,    add_history,
                        add_monitor,   add_logs,      add_metrics, add_start,
                        add_shutdown,  add_stop,      add_save,    add_poweroff,
                        add_reboot,    add_pause,     add_resume,  add_reset_failed,
                        add_start_all, add_stop_all,  add_ports,   add_address,
                        add_ssh,       add_console,   add_enable,  add_disable,
                        add_policy,    add_on_demand, add_plan,    add_linger,
                        add_move,      add_doctor,    add_reload,  add_restart_libvirt,
                        add_version})
    verbs.push_back(add(app));
  add_help_verb();
}

void CommandLine::add_global_options() {
  app.add_flag("--json", json, "Print one JSON document; monitor: one a line");
  const std::string about_help = "Show this text, or that of the verb";  // CLI11 2.1 takes no literal here
  help_ = app.add_flag("-h,--help", about_help);
  app.add_flag("--version", version, "Show the version");
}

void CommandLine::add_help_verb() {
  auto* command = app.add_subcommand("help", "Show all about a verb")->group(kService);
  command->add_option("VERB", help_verb, "One of the verbs");
  verbs.push_back({command, Completes::verbs, [this](Console& console) -> int {
                     if (help_verb.empty()) {
                       console.print_raw(help_text(app));
                       return kOk;
                     }
                     const auto* verb = find(help_verb);
                     if (!verb)
                       throw Failure(kUsage,
                                     "there is no verb " + quote(help_verb) + suggestion(help_verb, verb_names()),
                                     "All of them:  virtsessionctl help");
                     console.print_raw(help_text(*verb->command));
                     return kOk;
                   }});
}

void CommandLine::parse(std::vector<std::string> words) {
  const auto first = std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  const auto* const verb = first == words.end() ? nullptr : find(*first);
  if (verb && verb->take) {
    std::vector<std::string> after(first + 1, words.end());
    words.erase(first + 1, words.end());
    verb->take(after);
    words.insert(words.end(), after.begin(), after.end());
  }
  std::ranges::reverse(words);  // CLI11 takes them from the end
  app.parse(std::move(words));
}

// That it was seen, and not a variable that it sets: whether that is set before or after something that is missing is
// reported differs between versions of CLI11.
bool CommandLine::wants_help() const {
  const auto given = app.get_subcommands();
  const auto* const own = given.empty() ? nullptr : given.front()->get_option_no_throw("--help");  // logs has one
  return help_->count() > 0 || (own != nullptr && own->count() > 0);
}

const Verb* CommandLine::find(const std::string& name) const {
  const auto found = std::ranges::find_if(verbs, [&](const Verb& verb) { return verb.command->get_name() == name; });
  return found == verbs.end() ? nullptr : &*found;
}

const Verb& CommandLine::chosen() const {
  const auto* verb = find(verb_of(app));
  return verb ? *verb : verbs.front();
}

std::vector<std::string> CommandLine::verb_names() const {
  std::vector<std::string> names;
  for (const auto& verb : verbs) names.push_back(verb.command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

Failure usage_failure(const CommandLine& line, const CLI::ParseError& error) {
  const auto verb = verb_of(line.app);
  const auto help = verb.empty() ? std::string("virtsessionctl help") : "virtsessionctl help " + verb;
  const auto extras = line.app.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || extras.empty())
    return {kUsage, (verb.empty() ? "" : verb + ": ") + printable(error.what()), "See:  " + help};
  const auto& word = extras.front();
  if (word.starts_with('-') && word != "-")
    return {kUsage,
            "there is no option " + quote(word) + suggestion(word.substr(0, word.find('=')), all_options(line, verb)),
            "See:  " + help};
  if (verb.empty())
    return {kUsage, "there is no verb " + quote(word) + suggestion(word, line.verb_names()), "See:  " + help};
  return {kUsage, verb + ": " + quote(word) + " is one word too many", "See:  " + help};
}

std::string help_text(const CLI::App& command) {
  const auto* const parent = command.get_parent();
  std::string usage = parent ? "virtsessionctl " + command.get_name() + " [OPTION...]"
                             : "virtsessionctl [OPTION...] [VERB [ARGUMENT...]]";
  std::string arguments;
  for (const auto* option : command.get_options([](const CLI::Option* each) { return each->get_positional(); })) {
    usage += " " + positional_usage(*option);
    arguments += row(positional_name(*option), option->get_description());
  }
  auto text = fmt::format("Usage: {}\n\n{}\n", usage, command.get_description());
  if (!parent) text += verbs_text(command);
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  text += "\nOptions:\n" + options_text(command);
  if (parent && command.get_fallthrough()) text += options_text(*parent);
  const auto footer = command.get_footer();
  return footer.empty() ? text : text + "\n" + footer + "\n";
}

void add_timeout(CLI::App& command, Waiting& waiting, const std::string& description) {
  command.add_option("--timeout", waiting.timeout_sec, description)
      ->option_text("SEC")
      ->check(CLI::Range(0.001, 86400.0));
}

void add_no_block(CLI::App& command, Waiting& waiting) {
  command.add_flag("--no-block", waiting.no_block, "Do not wait until it is done");
}

void add_vms(CLI::App& command, std::vector<std::string>& patterns) {
  command.add_option("VM", patterns, "Names, uuids or patterns ('web*')")->required();
}

}  // namespace virtsession::ctl
