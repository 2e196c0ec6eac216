// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_text.hpp"

#include "../virtsessionctl/text.hpp"
#include "doctor/words.hpp"
#include "record_json.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

namespace virtsession::move {
namespace {

using ctl::Console;
using ctl::Tone;

void print_items(Console& console, const char* title, Tone tone, const std::vector<Item>& items) {
  if (items.empty()) return;
  console.print("");
  console.print(console.out().paint(tone, title));
  for (const auto& item : items) {
    console.print("  " + printable(item.what) + ": " + printable(item.text));
    if (!item.command.empty()) console.print("    " + console.out().paint(Tone::good, printable(item.command)));
  }
}

void print_files(Console& console, const Plan& plan) {
  if (plan.files.empty()) return;
  console.print("");
  console.print(console.out().paint(Tone::strong, "Goes along") + " (" + size_text(plan.bytes()) + ")");
  for (const auto& file : plan.files) {
    console.print(fmt::format("  {:<18} {}  ({})", nlohmann::json(file.kind).get<std::string>(), printable(file.from),
                              size_text(file.allocated)));
    console.print("    -> " + printable(file.to));
  }
}

std::string what_stays(const Request& request, const Plan& plan) {
  std::string text = request.copy ? "machine type, hardware" : "uuid, MAC addresses, machine type, hardware";
  if (!plan.snapshots.empty()) text += ", " + count_text(plan.snapshots.size(), "snapshot");
  if (!plan.checkpoints.empty()) text += ", " + count_text(plan.checkpoints.size(), "checkpoint");
  if (plan.autostart) text += ", the autostart mark";
  return text;
}

}  // namespace

void print_plan(Console& console, const Request& request, const Plan& plan) {
  console.print(console.out().paint(Tone::strong, printable(plan.name)) + (request.copy ? " is copied" : " moves") +
                " from " + uri_of(request.from) + " to " + uri_of(other(request.from)));
  print_files(console, plan);
  console.print("");
  console.print(console.out().paint(Tone::strong, "Stays") + ": " + what_stays(request, plan));
  print_items(console, "Kept in another form", Tone::strong, plan.kept);
  print_items(console, "Lost, or changed for the guest", Tone::warning, plan.losses);
  print_items(console, "In the way", Tone::bad, plan.obstacles);
}

nlohmann::json plan_json(const Request& request, const Plan& plan) {
  nlohmann::json document(plan);
  document["from"] = uri_of(request.from);
  document["to"] = uri_of(other(request.from));
  document["copy"] = request.copy;
  document["bytes"] = plan.bytes();
  return document;
}

std::string delete_command(const Request& request, const Plan& plan) {
  if (request.copy || request.keep_source) return {};
  std::string words;
  std::set<std::string> folders;
  for (const auto& file : plan.files) {
    if (file.shared || file.kind == FileKind::boot_file) continue;
    if (file.kind == FileKind::tpm)
      folders.insert(std::filesystem::path(file.from).parent_path().parent_path().string());
    else
      words += " " + shell_word(file.from);
  }
  for (const auto& folder : folders) words += " " + shell_word(folder);
  if (words.empty()) return {};
  return (request.from == Side::system ? "sudo rm -r --" : "rm -r --") + words;
}

}  // namespace virtsession::move
