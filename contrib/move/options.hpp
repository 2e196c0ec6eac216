// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace virtsession::move {

/// The command line of a move: virtsessionctl has it as a verb, and hands it on to virtsession-move.
struct Options {
  std::string vm, from, network, to;
  bool copy = false, dry_run = false, keep_source = false, resume = false, undo = false;
};

inline void add_options(CLI::App& command, Options& options) {
  command.add_option("VM", options.vm, "A name or a uuid")->required();
  command.add_option("--from", options.from, "Where it is: system or session (default: where it is found)")
      ->option_text("SIDE")
      ->check(CLI::IsMember({"system", "session"}));
  auto* dry_run =
      command.add_flag("-n,--dry-run", options.dry_run, "Show what would be done, lost and in the way; change nothing");
  command.add_option("--to", options.to, "The folder for its disks")->option_text("FOLDER");
  command.add_option("--network", options.network, "What network cards become: user, passt or bridge:NAME")
      ->option_text("KIND");
  command.add_flag("--copy", options.copy, "Make a copy with a uuid and MAC addresses of its own");
  command.add_flag("--keep-source", options.keep_source, "Keep the definition where it was, without autostart");
  auto* resume = command.add_flag("--resume", options.resume, "Go on with a move that was cut off")->excludes(dry_run);
  command.add_flag("--undo", options.undo, "Take back a move that was cut off")->excludes(resume)->excludes(dry_run);
}

/// The same as words.
inline std::vector<std::string> to_arguments(const Options& options) {
  std::vector<std::string> words;
  const auto value = [&](const char* name, const std::string& text) {
    if (!text.empty()) words.push_back(name + std::string("=") + text);
  };
  const auto flag = [&](const char* name, bool on) {
    if (on) words.emplace_back(name);
  };
  value("--from", options.from);
  value("--network", options.network);
  value("--to", options.to);
  flag("--dry-run", options.dry_run);
  flag("--copy", options.copy);
  flag("--keep-source", options.keep_source);
  flag("--resume", options.resume);
  flag("--undo", options.undo);
  words.emplace_back("--");
  words.push_back(options.vm);
  return words;
}

}  // namespace virtsession::move
