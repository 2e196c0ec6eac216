// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"
#include "verb.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// The whole command line: every verb with its options, in the order of --help.
struct CommandLine {
  CommandLine();

  /// \param words after the program's name \throws CLI::ParseError
  void parse(std::vector<std::string> words);

  const Verb* find(const std::string& name) const;
  /// The verb that was given, or `status`. After parsing.
  const Verb& chosen() const;
  std::vector<std::string> verb_names() const;
  /// Whether --help was given, also when the rest of the line could not be parsed.
  bool wants_help() const;

  CLI::App app;
  std::vector<Verb> verbs;
  bool json = false;
  bool version = false;
  std::string help_verb;  ///< of the verb `help`

 private:
  CLI::Option* help_ = nullptr;

  void add_global_options();
  void add_help_verb();
};

/// The text of --help, for the program or for a verb.
std::string help_text(const CLI::App& command);

/// What is wrong with a command line that could not be parsed, with what was probably meant. To be thrown.
Failure usage_failure(const CommandLine& line, const CLI::ParseError& error);

/// All names of an option: "-n", "--limit".
std::vector<std::string> option_names(const CLI::Option& option);

}  // namespace virtsession::ctl
