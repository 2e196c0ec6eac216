// SPDX-License-Identifier: LGPL-2.1-or-later
// The lines of the page of the plans.
#include "model/plan_list.hpp"

#include <doctest/doctest.h>

using namespace virtsession::window;
using nlohmann::json;

namespace {

VmInfo planned_vm(const std::string& name, bool marked, const std::string& state) {
  return {"/vm/" + name,
          json{{"Name", name}, {"Uuid", name}, {"State", state}, {"Persistent", true}, {"Autostart", marked}}};
}

std::string lines_text(const std::vector<PlanLine>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += (line.kind == PlanLine::Kind::heading ? "# "
             : line.first                         ? "( "
                                                  : "- ") +
            line.title + " | " + line.text + " | " + line.wave + (line.is_on ? " | on" : "") +
            (line.last ? " )\n" : "\n");
  return text;
}

}  // namespace

TEST_CASE("both plans are one list: what is done with each VM, in waves, and why") {
  const std::vector<VmInfo> vms{planned_vm("a", true, "shut-off"), planned_vm("b", true, "running")};
  const Plan start{{1, "/vm/a", "a", "start", ""}, {2, "/vm/b", "b", "wait", "for a"}};
  const Plan stop{{1, "/vm/b", "b", "save", ""}, {0, "/vm/a", "a", "skip", "off"}};
  const auto lines = plan_lines(start, stop, vms, std::chrono::seconds(110));
  CHECK(lines_text(lines) ==
        "# At the Next Login |  |  | on\n"
        "( a | Starts | First\n"
        "- b | Starts later: for a | Then (2) )\n"
        "# At the Next Logout | Takes at most 0 s of the 110 s that the system gives |  | on\n"
        "( b | Is saved | First\n"
        "- a | Nothing is done: off | Nothing Is Done )\n");
  CHECK(lines[2].policy_key == "start");
  CHECK(lines[4].policy_key == "stop_actions");
}

TEST_CASE("where nobody has said what should start, each VM can be marked") {
  const std::vector<VmInfo> vms{planned_vm("a", false, "shut-off")};
  const Plan nothing{{0, "/vm/a", "a", "skip", "not marked"}};
  const auto lines = plan_lines(nothing, nothing, vms, std::chrono::seconds(110));
  CHECK(lines[0].text == "No machine is marked to start. Which of them should?");
  CHECK_FALSE(lines[0].is_on);
  CHECK(lines[1].kind == PlanLine::Kind::mark);
  const auto marked = plan_lines(nothing, nothing, {planned_vm("a", true, "shut-off")}, std::chrono::seconds(110));
  CHECK(marked[1].kind == PlanLine::Kind::step);
}

TEST_CASE("a plan without VMs says so") {
  const auto lines = plan_lines({}, {}, {}, std::chrono::seconds(110));
  CHECK(lines[1].title == "There are no machines");
  CHECK(lines[3].title == "There are no machines");
  CHECK_FALSE(lines[2].is_on);
}
