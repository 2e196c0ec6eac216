// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtsession-move says, as the window shows it.
#include "model/move_view.hpp"

#include <doctest/doctest.h>

using namespace virtsession::window;

namespace {

constexpr const char* kPlan = R"({"name": "web", "uuid": "1", "autostart": true, "bytes": 3221225472, "copy": false,
  "from": "qemu:///system", "to": "qemu:///session", "kept": [], "obstacles": [],
  "files": [{"kind": "disk", "allocated": 2147483648, "from": "/var/lib/libvirt/images/web.qcow2", "to": "/home/a/web.qcow2"},
            {"kind": "firmware variables", "allocated": 540672, "from": "/var/a", "to": "/home/a/b"}],
  "losses": [{"what": "network card", "text": "becomes a user network", "command": ""}]})";

}  // namespace

TEST_CASE("the VMs of the system are listed, and those that are off can move") {
  const auto vms = system_vms_of(R"([{"Name": "web", "Uuid": "1", "State": "shut off", "Autostart": true},
                                     {"Name": "db", "Uuid": "2", "State": "running", "Autostart": false}])");
  REQUIRE(vms);
  REQUIRE(vms->size() == 2);
  CHECK(vms->front().line == "Off, starts at boot");
  CHECK(vms->front().is_off);
  CHECK(vms->back().line == "Running");
  CHECK(!vms->back().is_off);
  CHECK(system_vms_of("[]")->empty());
  CHECK(!system_vms_of("virtsessionctl: no"));
}

TEST_CASE("a plan says what moves, where to, and how much") {
  const auto plan = move_plan_of(kPlan);
  REQUIRE(plan);
  CHECK(plan->can_be_done());
  CHECK(move_summary(*plan) == "“web” comes here, with 3.0 GiB in 2 files. It will start at login.");
  REQUIRE(plan->files.size() == 2);
  CHECK(plan->files.front().title == "Disk, 2.0 GiB");
  CHECK(plan->files.front().to == "/home/a/web.qcow2");
  REQUIRE(plan->losses.size() == 1);
  CHECK(plan->losses.front().text == "Becomes a user network");
  CHECK(!move_plan_of("[]"));
  CHECK(!move_plan_of(""));
}

TEST_CASE("an obstacle stands in the way, with the command that clears it") {
  const auto plan = move_plan_of(
      R"({"name": "web", "to": "qemu:///system", "obstacles": [{"what": "web", "text": "it runs", "command": "virsh shutdown web"}]})");
  REQUIRE(plan);
  CHECK(!plan->can_be_done());
  CHECK(!plan->to_session);
  CHECK(plan->obstacles.front().command == "virsh shutdown web");
}

TEST_CASE("a move's lines say how far it is and how it ended") {
  MoveProgress progress;
  CHECK(progress.amount().empty());
  progress.take(R"({"plan": {"name": "web"}})");
  progress.take(R"({"step": "Copying /a"})");
  CHECK(progress.step() == "Copying /a");
  progress.take(R"({"file": "/a", "sent": 1073741824, "total": 3221225472})");
  CHECK(progress.amount() == "1.0 GiB of 3.0 GiB");
  CHECK(progress.fraction() == doctest::Approx(1.0 / 3));
  progress.take("no JSON");
  progress.take(R"({"file": "/a", "sent": 3221225472, "total": 3221225472})");
  CHECK(progress.amount().empty());
  CHECK(progress.arrived_in().empty());
  progress.take(R"({"done": "qemu:///session", "kept": "", "delete": "sudo rm -r -- /a"})");
  CHECK(progress.arrived_in() == "qemu:///session");
  CHECK(progress.delete_command() == "sudo rm -r -- /a");
  CHECK(!progress.is_undone());
  progress.take(R"({"undone": "qemu:///system"})");
  CHECK(progress.is_undone());
  CHECK(progress.arrived_in() == "qemu:///system");
}

TEST_CASE("a failure is a sentence, and what to do about it") {
  const auto failure = move_failure_of(
      "virtsessionctl: alice may not use qemu:///system: denied\n  Give the password\n    sudo usermod -aG libvirt "
      "alice\n");
  CHECK(failure.text == "alice may not use qemu:///system: denied");
  CHECK(failure.hint == "Give the password\nsudo usermod -aG libvirt alice");
  CHECK(move_failure_of("").text.empty());
}

TEST_CASE("a VM's name is never taken for an option") {
  CHECK(move_words("--copy", true, false) == std::vector<std::string>{"--json", "--from=system", "--", "--copy"});
  CHECK(plan_words("a", false, true) ==
        std::vector<std::string>{"--json", "--dry-run", "--from=session", "--copy", "--", "a"});
}
