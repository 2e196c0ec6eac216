// SPDX-License-Identifier: LGPL-2.1-or-later
#include "move_view.hpp"

#include "texts/translate.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <map>

namespace virtsession::window {
namespace {

using namespace texts;
using nlohmann::json;

constexpr const char* kSession = "qemu:///session";

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::uint64_t number_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const json& list_in(const json& object, const char* name) {
  static const json kNone = json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : kNone;
}

std::string state_text(const std::string& state) {
  if (state == "running") return _("Running");
  if (state == "saved") return _("Saved");
  return state == "shut off" ? _("Off") : state;
}

std::string kind_text(const std::string& kind) {
  static const std::map<std::string, const char*> kTexts{{"disk", N_("Disk")},
                                                         {"backing file", N_("Backing file")},
                                                         {"boot file", N_("Boot file")},
                                                         {"firmware variables", N_("Firmware variables")},
                                                         {"TPM state", N_("TPM state")}};
  const auto found = kTexts.find(kind);
  return found == kTexts.end() ? kind : _(found->second);
}

std::vector<MoveItem> items_in(const json& plan, const char* name) {
  std::vector<MoveItem> items;
  for (const auto& item : list_in(plan, name))
    if (item.is_object())
      items.push_back(
          {standing_alone(text_in(item, "what")), standing_alone(text_in(item, "text")), text_in(item, "command")});
  return items;
}

std::vector<std::string> with_side(std::vector<std::string> words, const std::string& vm, bool to_session, bool copy) {
  words.push_back(to_session ? "--from=system" : "--from=session");
  if (copy) words.emplace_back("--copy");
  words.insert(words.end(), {"--", vm});
  return words;
}

}  // namespace

std::optional<std::vector<SystemVm>> system_vms_of(const std::string& text) {
  const auto list = json::parse(text, nullptr, false);
  if (!list.is_array()) return std::nullopt;
  std::vector<SystemVm> vms;
  for (const auto& row : list) {
    if (!row.is_object()) continue;
    const auto state = text_in(row, "State");
    auto line = state_text(state);
    if (flag_in(row, "Autostart")) line = filled(_("{}, starts at boot"), line);
    vms.push_back({text_in(row, "Name"), text_in(row, "Uuid"), line, state == "shut off"});
  }
  return vms;
}

std::optional<MovePlan> move_plan_of(const std::string& text) {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object() || text_in(document, "name").empty()) return std::nullopt;
  MovePlan plan;
  plan.name = text_in(document, "name");
  plan.to_session = text_in(document, "to") == kSession;
  plan.is_copy = flag_in(document, "copy");
  plan.starts_by_itself = flag_in(document, "autostart");
  plan.bytes = number_in(document, "bytes");
  for (const auto& file : list_in(document, "files"))
    if (file.is_object())
      plan.files.push_back({filled("{}, {}", kind_text(text_in(file, "kind")), size_text(number_in(file, "allocated"))),
                            text_in(file, "from"), text_in(file, "to")});
  plan.kept = items_in(document, "kept");
  plan.losses = items_in(document, "losses");
  plan.obstacles = items_in(document, "obstacles");
  return plan;
}

std::string move_summary(const MovePlan& plan) {
  const auto files =
      filled(ngettext_("{} in {} file", "{} in {} files", plan.files.size()), size_text(plan.bytes), plan.files.size());
  auto text = plan.to_session ? plan.is_copy ? filled(_("A copy of “{}” comes here, with {}."), plan.name, files)
                                             : filled(_("“{}” comes here, with {}."), plan.name, files)
              : plan.is_copy ? filled(_("A copy of “{}” goes to the system, with {}."), plan.name, files)
                              : filled(_("“{}” goes to the system, with {}."), plan.name, files);
  if (plan.starts_by_itself)
    text += std::string(" ") + (plan.to_session ? _("It will start at login.") : _("It will start at boot."));
  return text;
}

void MoveProgress::take(const std::string& line) {
  const auto document = json::parse(line, nullptr, false);
  if (!document.is_object()) return;
  if (document.contains("step")) {
    step_ = text_in(document, "step");
  } else if (document.contains("file")) {
    sent_ = number_in(document, "sent");
    total_ = number_in(document, "total");
  } else if (document.contains("done")) {
    arrived_in_ = text_in(document, "done");
    kept_ = text_in(document, "kept");
    delete_ = text_in(document, "delete");
  } else if (document.contains("undone")) {
    arrived_in_ = text_in(document, "undone");
    undone_ = true;
  }
}

std::string MoveProgress::amount() const {
  return sent_ < total_ ? filled(_("{} of {}"), size_text(sent_), size_text(total_)) : std::string();
}

double MoveProgress::fraction() const {
  return total_ == 0 ? 0 : static_cast<double>(std::min(sent_, total_)) / static_cast<double>(total_);
}

MoveFailure move_failure_of(const std::string& standard_error) {
  constexpr std::string_view kProgram = "virtsessionctl: ";
  MoveFailure failure;
  for (std::size_t begin = 0; begin < standard_error.size();) {
    const auto end = std::min(standard_error.find('\n', begin), standard_error.size());
    auto line = standard_error.substr(begin, end - begin);
    begin = end + 1;
    const auto first = line.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    auto& into = first > 0 ? failure.hint : failure.text;
    line.erase(0, first);
    if (line.starts_with(kProgram)) line.erase(0, kProgram.size());
    into += (into.empty() ? "" : "\n") + line;
  }
  return failure;
}

std::vector<std::string> list_words() { return {"--json", "--list"}; }

std::vector<std::string> plan_words(const std::string& vm, bool to_session, bool copy) {
  return with_side({"--json", "--dry-run"}, vm, to_session, copy);
}

std::vector<std::string> move_words(const std::string& vm, bool to_session, bool copy) {
  return with_side({"--json"}, vm, to_session, copy);
}

std::vector<std::string> resume_words(const std::string& vm) { return {"--json", "--resume", "--", vm}; }
std::vector<std::string> undo_words(const std::string& vm) { return {"--json", "--undo", "--", vm}; }

}  // namespace virtsession::window
