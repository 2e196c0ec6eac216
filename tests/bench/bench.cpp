// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints the tables of contrib/docs/numbers.md. Everything of one table is measured in one run, side by side, in a
// throwaway host.
// With BENCH_OTHER=PROGRAM, the virtsessiond of another build is measured too, the two in turn.
#include "e2e/desktop.hpp"
#include "median.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// The virtsessiond of another build, on the host; empty when there is none.
std::string put_other(Desktop& desktop) {
  const auto* const other = std::getenv("BENCH_OTHER");
  if (other == nullptr) return {};
  const auto name = std::filesystem::path(other).filename().string();
  desktop.host().put({other}, "/opt/bench/");
  return "/opt/bench/" + name;
}

struct Measured {
  double wall_ms = 0, cpu_ms = 0, rss_mib = 0, private_mib = 0, wakes = 0;
};

Measured measure(Desktop& desktop, int idle_seconds, std::vector<std::string> program) {
  program.insert(program.begin(), {"/opt/bench/measure", "11", std::to_string(idle_seconds)});
  std::istringstream out(
      output_of(desktop.host().user(kUser, program, {.timeout = std::chrono::seconds(240)}), "measure"));
  Measured result;
  out >> result.wall_ms >> result.cpu_ms >> result.rss_mib >> result.private_mib >> result.wakes;
  return result;
}

/// Starts that follow each other closely are taken for a crash loop, and wait.
std::vector<std::string> unbraked(const std::string& program) {
  return {"sh", "-c", "rm -f \"$XDG_RUNTIME_DIR\"/virtsession/virtsessiond.starts; exec " + program};
}

/// The median of each figure.
Measured medians_of(const std::vector<Measured>& rounds) {
  const auto of = [&](double Measured::*figure) {
    std::vector<double> values;
    for (const auto& round : rounds) values.push_back(round.*figure);
    return median_of(std::move(values));
  };
  return {of(&Measured::wall_ms), of(&Measured::cpu_ms), of(&Measured::rss_mib), of(&Measured::private_mib),
          of(&Measured::wakes)};
}

void start_and_size() {
  Desktop desktop;
  desktop.login();
  desktop.host().put({VIRTSESSION_BENCH_BARE, VIRTSESSION_BENCH_MEASURE}, "/opt/bench/");
  desktop.systemctl({"stop", "virtsessiond"});
  desktop.virsh({"list"});  // the managed libvirtd is up for both
  const auto load = measure(desktop, 0, {"/opt/bench/bare", "--load"});
  const auto bare = measure(desktop, 30, {"/opt/bench/bare"});
  const auto other_program = put_other(desktop);
  std::vector<Measured> our_rounds, other_rounds;
  for (int round = 0; round < (other_program.empty() ? 1 : 3); ++round) {
    our_rounds.push_back(measure(desktop, 30, unbraked("virtsessiond")));
    if (!other_program.empty()) other_rounds.push_back(measure(desktop, 30, unbraked(other_program)));
  }
  const auto ours = medians_of(our_rounds);
  std::cout << "Start and size, no VMs (median of 11; memory and wake-ups over 30 s)\n"
            << "| program | exec to READY, wall | CPU | resident | private | wake-ups a second "
               "|\n|---|---|---|---|---|---|\n";
  const auto row = [](const char* name, const Measured& m) {
    std::cout << fmt::format("| {} | {:.1f} ms | {:.1f} ms | {:.1f} MiB | {:.1f} MiB | {:.2f} |\n", name, m.wall_ms,
                             m.cpu_ms, m.rss_mib, m.private_mib, m.wakes);
  };
  std::cout << fmt::format("| the libraries alone | {:.1f} ms | {:.1f} ms | | | |\n", load.wall_ms, load.cpu_ms);
  row("a bare program with one libvirt connection", bare);
  row("virtsessiond", ours);
  if (!other_rounds.empty()) row("virtsessiond of the other build", medians_of(other_rounds));
  std::cout << fmt::format(
      "virtsessiond past the libraries: {:.1f} ms wall, {:.1f} ms CPU; resident {:.2f} of the bare program\n\n",
      ours.wall_ms - load.wall_ms, ours.cpu_ms - load.cpu_ms, ours.rss_mib / bare.rss_mib);
}

constexpr int kVms = 20;

/// libvirt's own record of the VMs that run, read from outside so that the reading costs the host nothing.
int running_vms(Desktop& desktop) {
  const auto folder =
      desktop.host().outside_path("/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/libvirt/qemu/run");
  int count = 0;
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(folder, ignored)) {
    if (file.path().extension() != ".xml") continue;
    std::ifstream stream(file.path());
    std::string head(1000, '\0');
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    count += head.find("state='running'") != std::string::npos;
  }
  return count;
}

double until_all_run(Desktop& desktop, const std::function<void()>& begin_starts) {
  const auto begin = Clock::now();
  std::thread starter(begin_starts);
  while (running_vms(desktop) < kVms && seconds_since(begin) < 120)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto taken = seconds_since(begin);
  starter.join();
  return taken;
}

void destroy_all(Desktop& desktop) {
  for (int i = 0; i < kVms; ++i)
    desktop.host().user(kUser, {"virsh", "-c", "qemu:///session", "destroy", fmt::format("vm{}", i)});
}

double virsh_parallel(Desktop& desktop, int at_once) {
  desktop.systemctl({"start", "virtsession-libvirtd.service"});
  desktop.virsh({"list"});
  std::string names;
  for (int i = 0; i < kVms; ++i) names += fmt::format("vm{}\n", i);
  const auto taken = until_all_run(desktop, [&] {
    desktop.host().user(kUser,
                        {"xargs", "-P", std::to_string(at_once), "-n", "1", "virsh", "-c", "qemu:///session", "start"},
                        {.input = names, .timeout = std::chrono::seconds(120)});
  });
  destroy_all(desktop);
  return taken;
}

/// From the start of the daemon, as at a login. The stamp away: libvirt starts the VMs itself.
double libvirt_autostart(Desktop& desktop) {
  const auto uid = std::to_string(desktop.host().uid_of(kUser));
  desktop.systemctl({"stop", "virtsession-libvirtd.socket", "virtsession-libvirtd.service"});
  const auto stamp = "/run/user/" + uid + "/libvirt/qemu/run/autostarted";
  const auto taken = until_all_run(desktop, [&] {
    desktop.run(
        {"sh", "-c",
         "rm -f " + stamp + "; exec systemd-run --user --unit=plain-libvirtd --property=KillMode=process libvirtd"});
  });
  destroy_all(desktop);
  desktop.systemctl({"stop", "plain-libvirtd"});
  return taken;
}

/// Runs the installed virtsessiond, or that of another build.
void use_program(Desktop& desktop, const std::string& program) {
  const auto drop_in =
      "/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/systemd/user/virtsessiond.service.d";
  desktop.run({"rm", "-rf", drop_in});
  if (!program.empty())
    desktop.run({"sh", "-c",
                 "mkdir -p " + drop_in + "; printf '[Service]\\nExecStart=\\nExecStart=" + program + "\\n' > " +
                     drop_in + "/other.conf"});
  desktop.systemctl({"daemon-reload"});
}

/// Starts virtsessiond as at a login: the VMs that there are were defined before it.
void begin_login(Desktop& desktop, const std::string& program) {
  const auto uid = std::to_string(desktop.host().uid_of(kUser));
  desktop.systemctl({"stop", "virtsessiond"});
  desktop.run({"rm", "-f", "/run/user/" + uid + "/virtsession/login.json"});
  use_program(desktop, program);
  desktop.systemctl({"start", "virtsessiond"});
}

/// \param program instead of the installed virtsessiond; empty: that one
double our_autostart(Desktop& desktop, const std::string& program) {
  const auto uid = std::to_string(desktop.host().uid_of(kUser));
  desktop.systemctl({"stop", "virtsession-libvirtd.socket", "virtsession-libvirtd.service"});
  desktop.run({"rm", "-f", "/run/user/" + uid + "/virtsession/login.json"});
  use_program(desktop, program);
  const auto taken = until_all_run(desktop, [&] { desktop.systemctl({"start", "virtsessiond"}); });
  desktop.systemctl({"stop", "virtsessiond"});
  destroy_all(desktop);
  return taken;
}

void starting_twenty() {
  Desktop desktop;
  desktop.login();
  for (int i = 0; i < kVms; ++i)
    desktop.define({.name = fmt::format("vm{}", i), .system = System::none}).set_autostart(true);
  desktop.systemctl({"stop", "virtsessiond"});
  const auto other_program = put_other(desktop);
  std::vector<double> own, ours, other, two, four, eight;
  for (int round = 0; round < (other_program.empty() ? 3 : 5); ++round) {
    own.push_back(libvirt_autostart(desktop));
    ours.push_back(our_autostart(desktop, {}));
    if (!other_program.empty()) other.push_back(our_autostart(desktop, other_program));
    two.push_back(virsh_parallel(desktop, 2));
    four.push_back(virsh_parallel(desktop, 4));
    eight.push_back(virsh_parallel(desktop, 8));
  }
  const auto best = std::min({median_of(two), median_of(four), median_of(eight)});
  std::cout << fmt::format("20 VMs without an OS, until the last one runs (median of {}, alternating)\n", ours.size())
            << "| what | time |\n|---|---|\n"
            << fmt::format("| libvirt's own autostart, from the start of its daemon | {:.2f} s |\n", median_of(own))
            << fmt::format("| virsh start, 2 / 4 / 8 at once, daemon already up | {:.2f} / {:.2f} / {:.2f} s |\n",
                           median_of(two), median_of(four), median_of(eight))
            << fmt::format("| virtsessiond, from its own start and that of the daemon | {:.2f} s |\n", median_of(ours))
            << (other.empty() ? "" : fmt::format("| virtsessiond of the other build | {:.2f} s |\n", median_of(other)))
            << fmt::format("virtsessiond over libvirt's own: {:.2f}; over the best virsh: {:.2f}\n\n",
                           median_of(ours) / median_of(own), median_of(ours) / best);
}

/// CPU time of a unit's main process, all threads, in milliseconds.
double cpu_ms(Desktop& desktop, const std::string& unit) {
  const auto pid = std::to_string(desktop.main_pid(unit));
  std::istringstream lines(desktop.run({"sh", "-c", "cat /proc/" + pid + "/task/*/schedstat"}));
  double total = 0, on_cpu = 0;
  for (std::string line; std::getline(lines, line) && std::istringstream(line) >> on_cpu;) total += on_cpu;
  return total / 1e6;
}

/// Defines VMs that are off until there are so many, in one virsh.
void define_up_to(Desktop& desktop, int& defined, int count) {
  std::string commands;
  for (; defined < count; ++defined) {
    const auto file = fmt::format("/tmp/many/{}.xml", defined);
    desktop.host().write_file(file, DomainXml{.name = fmt::format("many{}", defined), .system = System::none}.text());
    commands += "define " + file + "\n";
  }
  output_of(desktop.host().user(kUser, {"virsh", "-q", "-c", "qemu:///session"},
                                {.input = commands, .timeout = std::chrono::seconds(300)}),
            "virsh define");
}

void one_verb_among_many() {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "one", .system = System::none}).start();
  desktop.wait_for("one", "Phase", "running");
  std::cout << "`virtsessionctl pause one`, then `resume one`, with other VMs that are off (median of 22 calls)\n"
            << "| VMs | wall, a call | virtsessiond's CPU, a call | virtsessionctl list | virsh list --all "
               "|\n|---|---|---|---|---|\n";
  int defined = 1;
  for (const int vms : {10, 100, 1000}) {
    define_up_to(desktop, defined, vms);
    const auto seen = [&] { return desktop.run({"virtsessionctl", "list"}).find(fmt::format("many{} ", vms - 1)); };
    wait_until([&] { return seen() != std::string::npos; }, kLong, "all VMs are known");
    std::vector<double> wall;
    const auto cpu = cpu_ms(desktop, "virtsessiond");
    for (int round = 0; round < 11; ++round)
      for (const auto* verb : {"pause", "resume"}) {
        const auto begin = Clock::now();
        desktop.run({"virtsessionctl", verb, "one"});
        wall.push_back(seconds_since(begin) * 1000);
      }
    const auto a_call = (cpu_ms(desktop, "virtsessiond") - cpu) / static_cast<double>(wall.size());
    std::vector<double> ours, virsh;
    for (int round = 0; round < 11; ++round) {
      auto begin = Clock::now();
      desktop.run({"virtsessionctl", "list"});
      ours.push_back(seconds_since(begin) * 1000);
      begin = Clock::now();
      desktop.virsh({"list", "--all"});
      virsh.push_back(seconds_since(begin) * 1000);
    }
    std::cout << fmt::format("| {} | {:.0f} ms | {:.1f} ms | {:.0f} ms | {:.0f} ms |\n", vms, median_of(wall), a_call,
                             median_of(ours), median_of(virsh))
              << std::flush;
  }
  std::cout << '\n';
}

void event_to_signal() {
  Desktop desktop;
  desktop.login();
  desktop.host().put({VIRTSESSION_BENCH_LATENCY}, "/opt/bench/");
  int defined = 0;
  define_up_to(desktop, defined, 299);
  desktop.define({.name = "one", .system = System::none}).start();
  const auto other_program = put_other(desktop);
  std::cout << "From libvirt's event to virtsessiond's signal, 300 VMs (200 pauses and resumes, three times)\n"
            << "| program | the VMs were defined | p50 | p99 |\n|---|---|---|---|\n";
  const auto measure_one = [&](const std::string& program, const char* when) {
    desktop.wait_for("one", "Phase", "running");
    std::istringstream out(output_of(
        desktop.host().user(kUser, {"/opt/bench/latency", "one", "200"}, {.timeout = std::chrono::seconds(240)}),
        "latency"));
    double p50 = 0, p99 = 0, bare_p50 = 0, bare_p99 = 0;
    out >> p50 >> p99 >> bare_p50 >> bare_p99;
    std::cout << fmt::format("| virtsessiond{} | {} | {:.2f} ms | {:.2f} ms |\n",
                             program.empty() ? "" : " of the other build", when, p50, p99)
              << fmt::format("| virDomainGetState of a bare client | | {:.2f} ms | {:.2f} ms |\n", bare_p50, bare_p99)
              << std::flush;
  };
  for (const bool since_login : {true, false})
    for (int round = 0; round < 3; ++round)
      for (const auto& program : {std::string(), other_program}) {
        if (since_login) {
          use_program(desktop, program);
          desktop.systemctl({"restart", "virtsessiond"});
        } else {
          begin_login(desktop, program);
        }
        measure_one(program, since_login ? "since the login" : "before the login");
        if (other_program.empty()) break;
      }
  std::cout << '\n';
}

/// The QEMU of a VM that libvirt says is running, read from outside; empty when there is none.
std::string running_pid(Desktop& desktop, const std::string& vm) {
  const auto folder =
      desktop.host().outside_path("/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/libvirt/qemu/run");
  const auto read = [&](const std::string& name) {
    std::ifstream stream(folder / name);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  if (read(vm + ".xml").find("state='running'") == std::string::npos) return {};
  return read(vm + ".pid");
}

/// \return the seconds until another QEMU of the VM runs
double until_runs_anew(Desktop& desktop, const std::string& vm, const std::string& before,
                       const std::function<void()>& begin_start) {
  const auto begin = Clock::now();
  std::thread starter(begin_start);
  for (std::string pid; (pid.empty() || pid == before) && seconds_since(begin) < 60; pid = running_pid(desktop, vm))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto taken = seconds_since(begin);
  starter.join();
  return taken;
}

void crash_to_running() {
  Desktop desktop;
  desktop.login();
  desktop.host().put({VIRTSESSION_BENCH_RESTARTER}, "/opt/bench/");
  desktop
      .define({.name = "one", .system = System::none, .policy = R"({"restart": "always", "restart_delay_sec": 0,
      "restart_limit": 1000})"})
      .start();
  desktop.wait_for("one", "Phase", "running");
  const auto crash = [&] {
    const auto before = running_pid(desktop, "one");
    return until_runs_anew(desktop, "one", before, [&] { desktop.run({"sh", "-c", "kill -9 " + before}); });
  };
  std::vector<double> crashes, bare, starts;
  for (int round = 0; round < 11; ++round) {
    crashes.push_back(crash());
    desktop.wait_for("one", "Phase", "running");
    desktop.systemctl({"stop", "virtsessiond"});
    desktop.run({"systemd-run", "--user", "--quiet", "--unit=restarter", "/opt/bench/restarter", "one"});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // it says nothing when it is connected
    bare.push_back(crash());
    desktop.systemctl({"stop", "restarter"});
    desktop.systemctl({"start", "virtsessiond"});
    desktop.wait_for("one", "Phase", "running");
    desktop.virsh({"destroy", "one"});
    desktop.wait_for("one", "Phase", "inactive");
    starts.push_back(until_runs_anew(desktop, "one", {}, [&] { desktop.virsh({"start", "one"}); }));
    desktop.wait_for("one", "Phase", "running");
  }
  std::cout << fmt::format(
      "From the crash of a guest until it runs again, without the policy's delay (median of 11, alternating)\n"
      "| who restarts it | time | over virsh start |\n|---|---|---|\n"
      "| virtsessiond | {:.0f} ms | {:.2f} |\n"
      "| a bare libvirt client, on libvirt's event | {:.0f} ms | {:.2f} |\n"
      "| virsh start of a guest that is off | {:.0f} ms | |\n\n",
      median_of(crashes) * 1000, median_of(crashes) / median_of(starts), median_of(bare) * 1000,
      median_of(bare) / median_of(starts), median_of(starts) * 1000);
}

}  // namespace

// As test cases, so that one table can be had with -tc=; they assert nothing.
TEST_CASE("start and size") { start_and_size(); }
TEST_CASE("starting twenty") { starting_twenty(); }
TEST_CASE("one verb among many") { one_verb_among_many(); }
TEST_CASE("crash to running") { crash_to_running(); }
TEST_CASE("event to signal") { event_to_signal(); }
