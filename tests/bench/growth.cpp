// SPDX-License-Identifier: LGPL-2.1-or-later
// How virtsessiond grows with the number of VMs: the real daemon on libvirt's test driver and a bus of its own. Ten of
// the VMs run, the others are off. Prints the table of contrib/docs/numbers.md. BENCH_VMS: other numbers than its own,
// "10 300"; BENCH_OTHER=PROGRAM: the virtsessiond of another build is measured too, in turn with this one.
#include "ctl/session.hpp"
#include "e2e/support/wait_until.hpp"
#include "support/loop_until.hpp"
#include "support/raw_bus.hpp"
#include "util/unique_c_ptr.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using Clock = std::chrono::steady_clock;
using Message = UniqueCPtr<sd_bus_message, sd_bus_message_unref>;

constexpr const char* kService = "org.virtsession.Supervisor1";
constexpr int kRunning = 10;

std::string uuid_of(int vm) { return fmt::format("{:08x}-2222-3333-4444-555555555555", vm + 1); }

std::string path_of(int vm) {
  auto uuid = uuid_of(vm);
  std::ranges::replace(uuid, '-', '_');
  return "/org/virtsession/Supervisor1/vm/_" + uuid;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// CPU time of all threads, in milliseconds.
double cpu_ms(pid_t pid) {
  double total = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    double on_cpu = 0;
    std::ifstream(task.path() / "schedstat") >> on_cpu;
    total += on_cpu;
  }
  return total / 1e6;
}

double private_mib(pid_t pid) {
  std::ifstream stream(fmt::format("/proc/{}/smaps_rollup", pid));
  double kib = 0;
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("Private_")) kib += std::stod(line.substr(line.find(':') + 1));
  return kib / 1024;
}

/// A client that only passes messages on: what it costs is the service and the bus.
class Client {
 public:
  explicit Client(const std::string& address) : bus_(connect_raw(address)) {}
  /// \return how long it took, in milliseconds
  double call(const std::string& path, const char* interface, const char* method, bool options) {
    sd_bus_message* message = nullptr;
    REQUIRE(sd_bus_message_new_method_call(bus_.get(), &message, kService, path.c_str(), interface, method) >= 0);
    const Message owned(message);
    if (options) REQUIRE(sd_bus_message_append(message, "a{sv}", 0) >= 0);
    const auto begin = Clock::now();
    sd_bus_message* reply = nullptr;
    sd_bus_error error{};
    const int result = sd_bus_call(bus_.get(), message, 60'000'000, &error, &reply);
    const auto took = ms_since(begin);
    REQUIRE_MESSAGE(result >= 0, method << ": " << (error.message ? error.message : ""));
    sd_bus_message_unref(reply);
    return took;
  }
  pid_t pid_of_service() {
    sd_bus_creds* credentials = nullptr;
    REQUIRE(sd_bus_get_name_creds(bus_.get(), kService, SD_BUS_CREDS_PID, &credentials) >= 0);
    pid_t pid = 0;
    sd_bus_creds_get_pid(credentials, &pid);
    sd_bus_creds_unref(credentials);
    return pid;
  }

 private:
  RawBus bus_;
};

struct Row {
  double start_cpu_ms, private_mib, objects_ms, list_ms, verb_wall_ms, verb_cpu_ms, ctl_ms, ctl_verb_ms;
};

double median_of_calls(int calls, const std::function<double(int)>& call) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) times.push_back(call(i));
  return median_of(std::move(times));
}

Row measure(int vms, const std::string& program) {
  Session session;
  std::string xml;
  for (int i = 0; i < vms; ++i) xml += domain(fmt::format("vm{}", i), uuid_of(i), i < kRunning);
  session.define(xml);
  session.start_daemon(program);
  Client client(session.bus().address());
  const auto pid = client.pid_of_service();
  // When nothing is being done any more.
  for (double before = -1, now = cpu_ms(pid); now - before > 1; now = cpu_ms(pid)) {
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  Row row{};
  row.start_cpu_ms = cpu_ms(pid);
  row.private_mib = private_mib(pid);
  const auto objects = [&](int) {
    return client.call("/org/virtsession/Supervisor1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                       false);
  };
  objects(0);
  row.objects_ms = median_of_calls(11, objects);
  row.list_ms = median_of_calls(11, [&](int) {
    return client.call("/org/virtsession/Supervisor1", "org.virtsession.Supervisor1.Manager", "ListVMs", true);
  });
  const auto verb = [&](int i) {
    return client.call(path_of(3), "org.virtsession.Supervisor1.VM", i % 2 == 0 ? "Pause" : "Resume", true);
  };
  constexpr int kVerbs = 40;
  const auto before = cpu_ms(pid);
  row.verb_wall_ms = median_of_calls(kVerbs, verb);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  row.verb_cpu_ms = (cpu_ms(pid) - before) / kVerbs;
  const auto ctl = [&](const std::vector<std::string>& arguments) {
    const auto begin = Clock::now();
    session.out(arguments);
    return ms_since(begin);
  };
  row.ctl_ms = median_of_calls(7, [&](int) { return ctl({"list"}); });
  row.ctl_verb_ms = median_of_calls(8, [&](int i) { return ctl({i % 2 == 0 ? "pause" : "resume", "vm3"}); });
  return row;
}

}  // namespace

TEST_CASE("growth") {
  std::vector<std::string> programs{VIRTSESSIOND};
  if (const char* const other = std::getenv("BENCH_OTHER")) programs.emplace_back(other);
  const char* const chosen = std::getenv("BENCH_VMS");
  std::istringstream numbers(chosen ? chosen : "10 300 1000 10000");
  std::cout
      << "| VMs | CPU until all are known | private | GetManagedObjects | ListVMs | Pause or Resume, wall | its CPU "
         "| virtsessionctl list | virtsessionctl pause |\n|---|---|---|---|---|---|---|---|---|\n";
  for (int vms = 0; numbers >> vms;)
    for (const auto& program : programs) {
      const auto row = measure(vms, program);
      std::cout << fmt::format(
                       "| {}{} | {:.0f} ms | {:.1f} MiB | {:.1f} ms | {:.1f} ms | {:.2f} ms | {:.2f} ms | {:.0f} ms "
                       "| {:.0f} ms |\n",
                       vms, program == VIRTSESSIOND ? "" : ", the other build", row.start_cpu_ms, row.private_mib,
                       row.objects_ms, row.list_ms, row.verb_wall_ms, row.verb_cpu_ms, row.ctl_ms, row.ctl_verb_ms)
                << std::flush;
    }
}
