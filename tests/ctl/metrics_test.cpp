// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

// What a monitoring system reads, read as one.

using namespace virtsession::test;
using nlohmann::json;

namespace {

constexpr const char* kDb = "21111111-2222-3333-4444-555555555555";

/// Metrics as a strict reader understood them.
class Metrics {
 public:
  explicit Metrics(const std::string& text) {
    const auto result = run({VIRTSESSION_READ_METRICS}, {.input = text});
    REQUIRE_MESSAGE(result.status == 0, result.err << text);
    read_ = json::parse(result.out);
  }

  const json& families() const { return read_["families"]; }
  /// The value of the one sample that has these labels, among others; -1 when there is none.
  double value(const std::string& name, const std::map<std::string, std::string>& labels = {}) const {
    double found = -1;
    for (const auto& sample : read_["samples"]) {
      if (sample["name"] != name) continue;
      bool fits = true;
      for (const auto& [label, text] : labels) fits = fits && sample["labels"].value(label, "") == text;
      if (!fits) continue;
      CHECK_MESSAGE(found == -1, name << " has several samples with these labels");
      found = sample["value"].get<double>();
    }
    return found;
  }
  const json& samples() const { return read_["samples"]; }

 private:
  json read_;
};

Metrics metrics_of(const Session& session) { return Metrics(session.out({"metrics"})); }

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("metrics: the VMs by phase, and each VM, before and after a start") {
  const Usual session;
  session.out({"enable", "db"});
  const auto before = metrics_of(session);
  CHECK(before.value("virtsession_up") == 1);
  CHECK(before.value("virtsession_info", {{"version", "0.1.0"}}) == 1);
  CHECK(before.value("virtsession_libvirt_state", {{"state", "ready"}}) == 1);
  CHECK(before.value("virtsession_libvirt_state", {{"state", "down"}}) == 0);
  CHECK(before.value("virtsession_autostart_state", {{"state", "done"}}) == 1);
  CHECK(before.value("virtsession_stop_running") == 0);
  CHECK(before.value("virtsession_vms", {{"phase", "running"}}) == 2);
  CHECK(before.value("virtsession_vms", {{"phase", "inactive"}}) == 2);
  CHECK(before.value("virtsession_vms", {{"phase", "gave-up"}}) == 0);
  CHECK(before.value("virtsession_vm_active", {{"vm", "db"}, {"uuid", kDb}}) == 0);
  CHECK(before.value("virtsession_vm_phase", {{"vm", "db"}, {"phase", "inactive"}}) == 1);
  CHECK(before.value("virtsession_vm_autostart", {{"vm", "db"}}) == 1);
  CHECK(before.value("virtsession_vm_autostart", {{"vm", "web"}}) == 0);
  CHECK(before.value("virtsession_vm_start_timestamp_seconds", {{"vm", "db"}}) == -1);

  session.out({"start", "db"});
  const auto after = metrics_of(session);
  CHECK(after.value("virtsession_vms", {{"phase", "running"}}) == 3);
  CHECK(after.value("virtsession_vm_active", {{"vm", "db"}}) == 1);
  CHECK(after.value("virtsession_vm_phase", {{"vm", "db"}, {"phase", "running"}}) == 1);
  CHECK(after.value("virtsession_vm_phase", {{"vm", "db"}, {"phase", "inactive"}}) == 0);
  const auto now = static_cast<double>(time(nullptr));
  CHECK(after.value("virtsession_vm_phase_start_timestamp_seconds", {{"vm", "db"}}) > now - 600);
  CHECK(after.value("virtsession_vm_phase_start_timestamp_seconds", {{"vm", "db"}}) < now + 1);

  // Files of several users lie in one folder.
  const auto* const user = getpwuid(geteuid());
  REQUIRE(user != nullptr);
  for (const auto& sample : after.samples()) CHECK(sample["labels"]["user"] == user->pw_name);
}

TEST_CASE("metrics: what has gone wrong, and how often") {
  Faked session;
  session.service.add(web());  // restarted twice, with an error and a mistake in its policy
  session.service.on_loop([&] {
    virtsession::ManagerView manager;
    manager.stop_budget_usec = 108'500'000;
    manager.libvirt_state = virtsession::LibvirtState::not_answering;
    manager.config_problems = {{"/paralel", "unknown key paralel", "did you mean parallel?"}};
    session.service.tree->update(manager);
  });
  const auto metrics = metrics_of(session);
  CHECK(metrics.value("virtsession_libvirt_state", {{"state", "not-answering"}}) == 1);
  CHECK(metrics.value("virtsession_config_problems") == 1);
  CHECK(metrics.value("virtsession_stop_budget_seconds") == 108.5);
  CHECK(metrics.value("virtsession_vm_restarts_total", {{"vm", "web"}}) == 2);
  CHECK(metrics.value("virtsession_vm_failed", {{"vm", "web"}}) == 1);
  CHECK(metrics.value("virtsession_vm_policy_problems", {{"vm", "web"}}) == 1);
  CHECK(metrics.value("virtsession_vm_phase", {{"vm", "web"}, {"phase", "waiting-ready"}}) == 1);
  CHECK(metrics.value("virtsession_vm_start_timestamp_seconds", {{"vm", "web"}}) == 1'700'000'000);
  CHECK(metrics.families()["virtsession_vm_restarts"]["type"] == "counter");
}

TEST_CASE("metrics: any name is read back as it is, and a terminal obeys none") {
  Faked session;
  auto vm = web();
  vm.name = "a\"b\\c\nd\x1b[31m é {x=\"y\"} 1";
  session.service.add(vm);
  const auto metrics = metrics_of(session);
  CHECK(metrics.value("virtsession_vm_active", {{"vm", vm.name}, {"uuid", kWebUuid}}) == 1);
  OnTerminal terminal(session.command({"metrics"}));
  terminal.wait_for("# EOF");
  CHECK(terminal.wait() == 0);
  CHECK(terminal.screen().find('\x1b') == std::string::npos);
}

TEST_CASE("metrics: a virtsessiond that does not run is measured, not started") {
  Session session;
  session.define(usual_domains());
  session.offer_daemon();
  session.run_as_person();
  for (int i = 0; i < 2; ++i) {
    const auto metrics = metrics_of(session);
    CHECK(metrics.value("virtsession_up") == 0);
    CHECK(metrics.samples().size() == 1);
  }
}

TEST_CASE("metrics: so is one that does not answer") {
  Usual session;
  session.freeze_daemon();
  const auto result = session.ctl({"metrics"});
  CHECK(result.status == 0);
  CHECK(result.err.starts_with("virtsessiond does not answer: "));
  CHECK(Metrics(result.out).value("virtsession_up") == 0);
}

TEST_CASE("metrics --output: a file that others can read, replaced as a whole") {
  const Usual session;
  const auto folder = session.folder() / "collector";
  std::filesystem::create_directory(folder);
  const auto file = folder / "virtsession.prom";
  std::ofstream(file) << "what was there before\n";
  struct stat old {};
  REQUIRE(stat(file.c_str(), &old) == 0);

  CHECK(session.out({"metrics", "--output", file.string()}).empty());
  CHECK(Metrics(text_of(file)).value("virtsession_vms", {{"phase", "running"}}) == 2);
  struct stat now {};
  REQUIRE(stat(file.c_str(), &now) == 0);
  CHECK((now.st_mode & 0777) == 0644);
  CHECK(now.st_ino != old.st_ino);  // a reader of the old one reads it to its end
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);

  const auto missing = (folder / "none/virtsession.prom").string();
  CHECK(session.err({"metrics", "--output", missing}, 1).find(missing) != std::string::npos);
  CHECK(session.err({"metrics", "--json"}, 2).find("virtsessionctl status --json") != std::string::npos);
}
