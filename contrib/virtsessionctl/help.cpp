// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line.hpp"

#include <fmt/format.h>

// CLI11 would print types and groups; people read usages.

namespace virtsession::ctl {
namespace {

constexpr const char* kGroups[] = {kLook, kRun, kConfigure, kService};
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
  return fmt::format("  {:<{}} {}\n", name, kColumn, description);
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
  if (parent) text += options_text(*parent);
  const auto footer = command.get_footer();
  return footer.empty() ? text : text + "\n" + footer + "\n";
}

}  // namespace virtsession::ctl
