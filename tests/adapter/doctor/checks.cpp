// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"
#include "doctor/words.hpp"
#include "sample_facts.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>

namespace virtsession::test {
namespace {

std::vector<CheckRow> all_rows() {
  std::vector<CheckRow> rows;
  for (const auto& part : {session_rows(), machine_rows(), network_rows(), reach_rows(), vm_rows()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

TEST_CASE("What is wrong with the session, and the command that fixes it") {
  for (const auto& row : session_rows()) check_row(row);
}
TEST_CASE("What is wrong with the machine, and the command that fixes it") {
  for (const auto& row : machine_rows()) check_row(row);
}
TEST_CASE("What is wrong with the network, and the command that fixes it") {
  for (const auto& row : network_rows()) check_row(row);
}
TEST_CASE("What keeps a VM from being reached, and the command that fixes it") {
  for (const auto& row : reach_rows()) check_row(row);
}
TEST_CASE("What is wrong with a VM, and the command that fixes it") {
  for (const auto& row : vm_rows()) check_row(row);
}

TEST_CASE("Every check has a row in the table and speaks when all is well") {
  std::set<std::string> listed, tested;
  for (const auto& check : check_table()) {
    CHECK_MESSAGE(listed.emplace(check.id).second, "twice: " << std::string(check.id));
    CHECK(!check.description.empty());
  }
  for (const auto& row : all_rows())
    if (row.severity == Severity::ok) tested.insert(row.id);
  CHECK(listed == tested);

  std::set<std::string> spoken;
  for (const auto& finding : diagnose(healthy())) {
    INFO(finding);
    CHECK(finding.severity == Severity::ok);
    CHECK(listed.contains(finding.id));
    CHECK(!finding.text.empty());
    CHECK(finding.fix == "");
    spoken.insert(finding.id);
  }
  CHECK(spoken == listed);
}

TEST_CASE("Findings come in the order of the table, and are one line each") {
  for (const auto& row : all_rows()) {
    auto facts = healthy();
    row.change(facts);
    std::size_t last = 0;
    for (const auto& finding : diagnose(facts)) {
      std::size_t place = 0;
      while (place < check_table().size() && check_table()[place].id != finding.id) ++place;
      REQUIRE(place < check_table().size());
      CHECK(place >= last);
      last = place;
      CHECK(finding.text.find('\n') == std::string::npos);
      CHECK(finding.fix.find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("Facts that nobody gathered make no finding that something is wrong with a VM") {
  DoctorFacts nothing;
  for (const auto& finding : diagnose(nothing)) CHECK(finding.subject == "");
  CHECK(system_or_session_page(nothing).find("qemu:///session") != std::string::npos);
}

TEST_CASE("While virtsessiond has no libvirt, VMs are as libvirt's files have them") {
  auto facts = healthy();
  facts.supervised = supervised();
  facts.supervised->vms[0].name = "old";
  facts.supervised->libvirt_connected = false;
  const auto marks = of(diagnose(facts), "policy-mark");
  REQUIRE(marks.size() == 1);
  CHECK(marks[0].subject == "web");
}

TEST_CASE("A transient domain is somebody else's: its policy is not judged") {
  auto facts = healthy();
  facts.domains[0].persistent = false;
  CHECK(of(diagnose(facts), "policy-mark").empty());
  CHECK(of(diagnose(facts), "qemu-orphan")[0].severity == Severity::ok);
}

TEST_CASE("The units of virtqemud count where that is the daemon") {
  auto facts = healthy();
  facts.supervised = supervised();
  facts.supervised->libvirt_daemon = "virtqemud";
  const auto installed = of(diagnose(facts), "unit-installed");
  REQUIRE(installed.size() == 1);
  CHECK(installed[0].text.find("virtsession-virtqemud.socket") != std::string::npos);
}

std::string shell_output(const std::string& command) {
  std::string text;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  REQUIRE(pipe);
  for (int c = fgetc(pipe.get()); c != EOF; c = fgetc(pipe.get())) text += static_cast<char>(c);
  return text;
}

TEST_CASE("A name is one word to a shell, whatever is in it") {
  for (const std::string name : {"web", "my web", "it's", "$(reboot)", "a;b", "`x`", "\"", "*", "", "\\", "~", "#"})
    CHECK(shell_output("printf '[%s]' " + shell_word(name)) == "[" + name + "]");
  CHECK(shell_word("/run/user/1000/x-y_z.sock") == "/run/user/1000/x-y_z.sock");
}

TEST_CASE("The shell takes every command") {
  for (const auto& row : all_rows()) {
    if (row.fix.empty()) continue;
    CAPTURE(row.fix);
    CHECK(shell_output("sh -n -c " + shell_word(row.fix) + " 2>&1") == "");
  }
}

TEST_CASE("No command ends a guest, or removes what it has in memory or on disk") {
  for (const auto& row : all_rows()) {
    CAPTURE(row.fix);
    for (const char* const verb :
         {"destroy", "undefine", "managedsave-remove", "vol-delete", "reset ", "mkfs", "kill 80"})
      CHECK(row.fix.find(verb) == std::string::npos);
    // A socket is what is removed at most.
    const auto removes = row.fix.find("rm ");
    if (removes != std::string::npos) CHECK(row.fix.find("-sock", removes) != std::string::npos);
  }
}

TEST_CASE("An appliance of libguestfs is its own affair: nothing is said about its disks and networks") {
  auto facts = healthy();
  auto appliance = good_domain();
  appliance.uuid = "9f1c7e0a-5b0e-4c58-8a49-0d3c1f8e7b21";
  appliance.name = "guestfs-abcdefgh";
  appliance.persistent = false;
  appliance.networks = {{"user", "slirp", ""}};
  appliance.images[0].state = ImageFacts::State::missing;
  facts.domains.push_back(appliance);
  facts.qemus.push_back({81, appliance.uuid, appliance.name, "app.slice", QemuProcess::Owner::this_libvirt});
  for (const auto& finding : diagnose(facts)) {
    INFO(finding);
    CHECK(finding.severity == Severity::ok);
    CHECK(finding.subject != appliance.name);
  }
}

TEST_CASE("The commands that change a file change what they should") {
  const std::string conf = "uri_default = \"qemu:///system\"";
  const std::string change = "s|^ *uri_default *=.*|uri_default = \"qemu:///session\"|";
  CHECK(shell_output("echo " + shell_word(conf) + " | sed " + shell_word(change)) ==
        "uri_default = \"qemu:///session\"\n");
  CHECK(shell_output("printf ' max_core = 1\\n# max_core\\n' | sed 's/^ *max_core/#&/'") ==
        "# max_core = 1\n# max_core\n");
  CHECK(shell_output("printf ' max_core = 1\\n# max_core\\n' | sed 's/^ *max_core.*/max_core = 0/'") ==
        "max_core = 0\n# max_core\n");
  CHECK(shell_output("printf 'allow all\\ndeny virbr0\\ndeny virbr01\\n' | sed -E 's/^ *deny +(virbr0|all)$/#&/'") ==
        "allow all\n#deny virbr0\ndeny virbr01\n");
}

TEST_CASE("Sizes, times and versions as people write them") {
  CHECK(size_text(0) == "0 bytes");
  CHECK(size_text(1536) == "1.5 KiB");
  CHECK(size_text(20 * kGiB) == "20 GiB");
  CHECK(size_text(5000 * kGiB) == "4.9 TiB");
  CHECK(size_text(kUnlimited) == "unlimited");
  CHECK(duration_text(119) == "119 s");
  CHECK(duration_text(181) == "3 min 1 s");
  CHECK(duration_text(7200) == "2 h");
  CHECK(duration_text(45 * 86400) == "45 days");
  CHECK(version_text(9001002) == "9.1.2");
}

TEST_CASE("The page puts the two kinds of libvirt side by side") {
  auto facts = healthy();
  facts.uri.libvirt_variable = "qemu:///system";
  facts.uri.system.answer = SystemLibvirtFacts::Answer::answered;
  facts.uri.system.vms = {"a", "b"};
  facts.uri.system.socket = "/run/libvirt/libvirt-sock-ro";
  const auto page = system_or_session_page(facts);
  for (const char* part :
       {"qemu:///session", "qemu:///system", "ann, and so do its VMs", "/run/user/1000/libvirt/libvirt-sock",
        "/run/libvirt/libvirt-sock-ro", "/home/ann/.config/libvirt/qemu", "1, 1 of them running", "yes: libvirt 11.3.0",
        "at boot (lingering is on)", "A plain virsh reaches qemu:///system, by LIBVIRT_DEFAULT_URI"})
    CHECK_MESSAGE(page.find(part) != std::string::npos, part << " in\n" << page);
  std::istringstream lines(page);
  std::size_t column = 0;
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    CHECK_MESSAGE(line.size() <= 100, line);
    if (const auto at = line.find("qemu:///system"); at != std::string::npos) column = at;
    if (line.starts_with("runs as")) CHECK(line.find("root; its VMs") == column);
    if (line.starts_with("VMs  ")) CHECK(line.substr(column) == "2");
  }
}

}  // namespace
}  // namespace virtsession::test
