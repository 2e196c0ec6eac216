// SPDX-License-Identifier: LGPL-2.1-or-later
// What the window shows, without a window.
#include "model/config_edit.hpp"
#include "model/cure.hpp"
#include "model/findings_view.hpp"
#include "model/machine_list.hpp"
#include "model/plan_view.hpp"
#include "model/policy_form.hpp"
#include "model/time_text.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

using namespace virtsession::window;
using nlohmann::json;

namespace {

VmInfo vm(const std::string& name, const std::string& phase, const std::string& state, json more = json::object()) {
  json values{{"Name", name}, {"Uuid", "uuid-of-" + name}, {"Phase", phase}, {"State", state}, {"Persistent", true}};
  values.update(more);
  return {"/vm/" + name, values};
}

std::string shown(const std::vector<Entry>& lines) {
  std::string text;
  for (const auto& line : lines)
    text +=
        line.is_title ? line.text + ":" : " " + line.machine.name + (line.first ? "<" : "") + (line.last ? ">" : "");
  return text;
}

std::vector<MachineView> views(const std::vector<VmInfo>& vms) {
  std::vector<MachineView> all;
  for (const auto& one : vms) all.push_back(view_of(one, true));
  return all;
}

std::vector<FieldGroup> installed_form() {
  std::ifstream file(VIRTSESSION_CONFIG_DIR "/config.schema.json");
  return policy_form({std::istreambuf_iterator<char>(file), {}});
}

const Field& field(const std::vector<FieldGroup>& form, const char* key) {
  for (const auto& group : form)
    for (const auto& one : group.fields)
      if (one.key == key) return one;
  FAIL("no field " << key);
  return form.front().fields.front();
}

}  // namespace

TEST_CASE("a VM's word and section follow from what it does") {
  const auto view = [](const std::string& phase, const std::string& state, const json& more = json::object()) {
    return view_of(vm("a", phase, state, more), true);
  };
  CHECK(view("running", "running").word == "Running");
  CHECK(view("running", "running").section == Section::running);
  CHECK(view("paused", "paused").word == "Paused");
  CHECK(view("paused", "paused").tone == Tone::attention);
  CHECK(view("stuck", "crashed").section == Section::needs_you);
  CHECK(view("stuck", "paused").word == "Stuck");
  CHECK(view("stuck", "paused").section == Section::needs_you);
  CHECK(view("inactive", "shut-off").section == Section::off);
  CHECK(view("inactive", "shut-off", {{"ManagedSave", true}}).word == "Saved");
  CHECK(view("waiting", "shut-off").section == Section::running);
  CHECK(view("gave-up", "shut-off", {{"PhaseReason", "no disk"}}).reason == "no disk");
  const auto failed = view("inactive", "shut-off", {{"LastError", "no KVM"}, {"PhaseReason", "off"}});
  CHECK(failed.section == Section::needs_you);
  CHECK(failed.reason == "no KVM");
  CHECK(view("inactive", "shut-off", {{"PhaseReason", "off"}}).reason.empty());
  CHECK(view_of(vm("a", "unknown", "unknown"), false).dimmed);
  const json mistake = json::array({{{"pointer", "/x"}, {"text", "unknown key x"}, {"suggestion", ""}}});
  CHECK(view("running", "running", {{"PolicyProblems", mistake}}).section == Section::needs_you);
  CHECK(view("running", "running", {{"PolicyProblems", mistake}, {"PolicyProblemCodes", {"too-slow"}}}).section ==
        Section::running);
}

TEST_CASE("a mistake of the configuration has its line") {
  const std::string text = "{\n  \"defaults\": {\n    \"start_oder\": 1\n  },\n  \"a\": [1]\n}\n";
  CHECK(line_of(text, "/defaults/start_oder") == 3);
  CHECK(line_of(text, "/a/0") == 5);
  CHECK(!line_of(text, "/b"));
  CHECK(!line_of(text, ""));
}

TEST_CASE("only what can be done now is offered") {
  CHECK(main_verb(vm("a", "inactive", "shut-off")) == Verb::start);
  CHECK(main_verb(vm("a", "running", "running")) == Verb::shutdown);
  CHECK(main_verb(vm("a", "paused", "paused")) == Verb::resume);
  CHECK(!has_main_verb(vm("a", "stopping", "running")));
  CHECK(!has_main_verb(vm("a", "starting", "shut-off")));
  CHECK(can(vm("a", "gave-up", "shut-off"), Verb::reset));
  CHECK(!can(vm("a", "running", "running", {{"Persistent", false}}), Verb::save));
}

TEST_CASE("the list is by section, then by name, and finds every word") {
  const auto all = views({vm("web", "running", "running", {{"Title", "Shop"}}), vm("Db", "running", "running"),
                          vm("old", "inactive", "shut-off"), vm("bad", "gave-up", "shut-off")});
  CHECK(shown(list_of(all, "", SortBy::name)) == "Needs You: bad<>Running: Db< web>Off: old<>");
  CHECK(shown(list_of(all, "shop WEB", SortBy::name)) == "Running: web<>");
  CHECK(shown(list_of(all, "gave", SortBy::name)) == "Needs You: bad<>");
  CHECK(list_of(all, "nobody", SortBy::name).empty());
}

TEST_CASE("a change of the list replaces no more than what differs") {
  const auto before =
      list_of(views({vm("a", "running", "running"), vm("b", "running", "running"), vm("c", "inactive", "shut-off")}),
              "", SortBy::name);
  const auto same = difference(before, before);
  CHECK(same.removed == 0);
  CHECK(same.added == 0);
  const auto now =
      list_of(views({vm("a", "running", "running"), vm("b", "inactive", "shut-off"), vm("c", "inactive", "shut-off")}),
              "", SortBy::name);
  const auto change = difference(before, now);
  CHECK(change.position == 2);
  CHECK(change.removed == 2);
  CHECK(change.added == 2);
}

TEST_CASE("the foot says what a logout does, in numbers and seconds") {
  const json policy{{"stop_actions", {"shutdown", "save", "poweroff"}}, {"stop_timeout_sec", 20}};
  const std::vector<VmInfo> vms{vm("a", "running", "running", {{"Policy", policy}}),
                                vm("b", "running", "running", {{"Policy", policy}}), vm("c", "inactive", "shut-off")};
  const Plan plan{{1, "/vm/a", "a", "shutdown", ""}, {1, "/vm/b", "b", "save", ""}, {0, "/vm/c", "c", "skip", ""}};
  CHECK(stop_bound(plan, vms, std::chrono::minutes(2)) == std::chrono::seconds(40));
  CHECK(stop_bound(plan, vms, std::chrono::seconds(30)) == std::chrono::seconds(30));
  CHECK(logout_text(plan, std::chrono::seconds(40)) == "At logout: 1 shut down, 1 saved, at most 40 s");
  CHECK(logout_text({}, std::chrono::seconds(0)) == "At logout: nothing to do");
  CHECK(!logout_warning(plan));
  const Plan hard{{1, "/vm/a", "a", "poweroff", ""}, {1, "/vm/b", "b", "leave", ""}};
  const auto warning = logout_warning(hard);
  REQUIRE(warning);
  CHECK(warning->find("a, b would be forced off") != std::string::npos);
}

TEST_CASE("a plan is shown in waves, and leads to the key that decides") {
  const Plan plan{{1, "/vm/a", "a", "start", ""}, {2, "/vm/b", "b", "wait", ""}, {0, "/vm/c", "c", "skip", ""}};
  const auto waves = waves_of(plan);
  REQUIRE(waves.size() == 3);
  CHECK(waves[0].title == "First");
  CHECK(waves[1].title == "Then (2)");
  CHECK(waves[2].steps.front().name == "c");
  const auto with = [](const json& policy) { return vm("b", "inactive", "shut-off", {{"Policy", policy}}); };
  CHECK(deciding_start_key(plan[1], with({{"start_after", {"a"}}})) == "start_after");
  CHECK(deciding_start_key(plan[1], with({{"start_after", json::array()}, {"start_if_ac_power", true}})) ==
        "start_if_ac_power");
  CHECK(deciding_start_key(plan[1], with({{"start_delay_sec", 5}})) == "start_delay_sec");
  CHECK(deciding_start_key(plan[2], with(json::object())) == "start");
}

TEST_CASE("the form has every key of the installed schema, with a row of its kind") {
  const auto form = installed_form();
  CHECK(field(form, "start").kind == FieldKind::choice);
  CHECK(field(form, "start").choices == std::vector<std::string>{"flag", "was-running", "never"});
  CHECK(field(form, "start_order").kind == FieldKind::integer);
  CHECK(field(form, "start_delay_sec").kind == FieldKind::number);
  CHECK(field(form, "start_delay_sec").maximum == 86400);
  CHECK(field(form, "start_ready").kind == FieldKind::text);
  CHECK(field(form, "start_after").kind == FieldKind::list);
  CHECK(field(form, "stop_actions").kind == FieldKind::order);
  CHECK(field(form, "start_if_ac_power").kind == FieldKind::toggle);
  CHECK(field(form, "cpu_weight").may_be_unset);
  CHECK(field(form, "start_order").title == "Start Order");
  CHECK(policy_form("{").empty());
  CHECK(policy_form("").empty());
  const auto later = policy_form(R"({"$defs":{"policy":{"properties":{"new_key":{"type":"boolean"}}}}})");
  CHECK(field(later, "new_key").title == "New key");
}

TEST_CASE("a field says where its value comes from") {
  const auto form = installed_form();
  const auto& order = field(form, "start_order");
  const auto with = [](const json& policy, const json& own) {
    return vm("a", "inactive", "shut-off", {{"Policy", policy}, {"PolicyOverrides", own}});
  };
  CHECK(state_of(order, with({{"start_order", 0}}, json::object())).source == Source::built_in);
  CHECK(state_of(order, with({{"start_order", 5}}, json::object())).source == Source::configuration);
  CHECK(state_of(order, with({{"start_order", 0}}, {{"start_order", 0}})).source == Source::machine);
  CHECK(state_of(field(form, "cpu_weight"), with(json::object(), json::object())).value.is_null());
}

TEST_CASE("what is written into a row is read as its kind") {
  const auto form = installed_form();
  CHECK(parse_value(field(form, "start_after"), " web , db,") == json({"web", "db"}));
  CHECK(parse_value(field(form, "start_after"), "") == json::array());
  CHECK(parse_value(field(form, "cpu_weight"), "") == json());
  CHECK(parse_value(field(form, "cpu_weight"), " 200 ") == json(200));
  CHECK(!parse_value(field(form, "cpu_weight"), "much"));
  CHECK(parse_value(field(form, "start_ready"), "agent") == json("agent"));
  CHECK(value_text(json({"a", "b"})) == "a, b");
  CHECK(value_text(json(60.0)) == "60");
}

TEST_CASE("findings come by severity, and what is well last") {
  const std::vector<Finding> findings{
      {"a", "ok", "", "", ""}, {"b", "problem", "", "", ""}, {"c", "ok", "", "", ""}, {"d", "note", "", "", ""}};
  const auto groups = groups_of(findings);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].title == "1 Problem");
  CHECK(groups[1].title == "1 Note");
  CHECK(groups[2].title == "2 Checks Are Well");
  CHECK(!is_all_well(findings));
  CHECK(is_all_well({{"d", "note", "", "", ""}}));
}

TEST_CASE("a finding is a sentence, and names of programs and paths are as they are") {
  const auto text_of = [](const std::string& text) {
    return groups_of({{"a", "note", "", text, ""}})[0].findings[0].text;
  };
  CHECK(text_of("no VM is saved") == "No VM is saved");
  CHECK(text_of("virtsessiond is connected") == "virtsessiond is connected");
  CHECK(text_of("qemu:///system has no VMs") == "qemu:///system has no VMs");
  CHECK(text_of("/dev/kvm exists") == "/dev/kvm exists");
  CHECK(text_of("virtsession's units are installed") == "virtsession's units are installed");
}

TEST_CASE("what to do about a VM is what virtsessionctl says") {
  CHECK(cures_of(vm("a", "running", "running")).empty());
  const auto cures = cures_of(vm("a", "gave-up", "shut-off", {{"PhaseReason", "no disk"}}));
  REQUIRE(cures.size() == 1);
  CHECK(cures[0].text == "“a” gave up: no disk");
  CHECK(cures[0].commands.front() == "virtsessionctl logs a");
}

TEST_CASE("a flag of the configuration is changed, and nothing else is") {
  CHECK(with_config_flag("", "notifications", false) == "{\n  \"notifications\": false\n}\n");
  const std::string mine =
      "// \"notifications\": true\n{ \"defaults\": {\"notifications\": 1}, /* { */ \"notifications\" : true }\n";
  CHECK(with_config_flag(mine, "notifications", false) ==
        "// \"notifications\": true\n{ \"defaults\": {\"notifications\": 1}, /* { */ \"notifications\" : false }\n");
  CHECK(with_config_flag("// {\n{ \"parallel\": 2 }", "autostart", false) ==
        "// {\n{\n  \"autostart\": false, \"parallel\": 2 }");
  CHECK(with_config_flag("{}", "autostart", true) == "{\n  \"autostart\": true\n}");
  CHECK(!with_config_flag("{ oops", "autostart", true));
  CHECK(!with_config_flag("{\"autostart\": 3}", "autostart", true));
  CHECK(config_flag(mine, "notifications") == true);
  CHECK(!config_flag("{}", "notifications"));
}

TEST_CASE("durations and sizes are as short as they are clear") {
  CHECK(duration_text(std::chrono::seconds(40)) == "40 s");
  CHECK(duration_text(std::chrono::minutes(61)) == "1 h 1 min");
  CHECK(duration_text(std::chrono::hours(72)) == "3 days");
  CHECK(size_text(512ULL << 20) == "512 MiB");
  CHECK(size_text(2560ULL << 20) == "2.5 GiB");
}
