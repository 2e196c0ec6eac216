// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service.hpp"

#include <cstdio>
#include <exception>
#include <stdexcept>

#ifdef VIRTSESSION_THREAD_SANITIZER
// libsystemd draws the seed of its hash tables into a static buffer without a lock, and each table copies it from
// there. Two threads with a bus of their own, as here and nowhere in the daemon, may so get a seed of mixed bytes: no
// harm.
extern "C" const char* __tsan_default_suppressions() { return "race_top:getrandom\n"; }
#endif

namespace virtsession::test {

VmView web() {
  VmView vm;
  vm.uuid = kWebUuid;
  vm.name = "web";
  vm.title = "Web server";
  vm.state = DomainState::running;
  vm.state_reason = "booted";
  vm.phase = Phase::waiting_ready;
  vm.phase_reason = "waits for the guest agent";
  vm.intent = Intent::up;
  vm.autostart = true;
  vm.persistent = true;
  vm.policy = nlohmann::json{{"start_order", 5},
                             {"start", "flag"},
                             {"restart_delay_sec", 1.5},
                             {"resume_sync_time", true},
                             {"memory_high_mib", std::int64_t{1} << 40},
                             {"stop_actions", {"shutdown", "save"}}};
  vm.policy_overrides = nlohmann::json{{"start_order", 5}};
  vm.policy_problems = {
      {"/start_oder", "unknown key start_oder", "did you mean start_order?", ProblemCode::unknown_key}};
  vm.last_error = "no space left on device";
  vm.restart_count = 2;
  vm.started_usec = 1'700'000'000'000'000;
  vm.networks = {{"bridge", "virbr0", "52:54:00:00:00:01"}};
  vm.addresses = {{"192.0.2.7", "net0", "52:54:00:00:00:01", AddressSource::arp}};
  vm.forwards = {{{"net0", {"127.0.0.1", 2222, PortProtocol::udp}, 22},
                  ForwardState::failed,
                  "sshd (pid 7) has it",
                  "2222:22/udp"}};
  return vm;
}

VmView numbered(int i) {
  VmView vm = web();
  char uuid[64];
  std::snprintf(uuid, sizeof uuid, "00000000-0000-0000-0000-%012d", i);
  vm.uuid = uuid;
  vm.name = "vm" + std::to_string(i);
  return vm;
}

Service::Service(const PrivateBus& bus) {
  std::promise<void> ready;
  thread_ = std::thread([&] { run(bus, ready); });
  try {
    ready.get_future().get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

Service::~Service() {
  loop_->post([this] { loop_->quit(0); });
  thread_.join();
}

void Service::run(const PrivateBus& bus, std::promise<void>& ready) {
  try {
    const auto connection = bus.connect();
    EventLoop loop;
    const BusSource source(loop, *connection, [](const std::string&) {});
    unique_name = connection->getUniqueName();
    auto objects = std::make_unique<Tree>(*connection, api);
    if (const auto named = objects->request_name(); !named) throw std::runtime_error(named.error().message);
    tree = std::move(objects);
    loop_ = &loop;
    ready.set_value();
    loop.run();
    tree.reset();
  } catch (...) {
    ready.set_exception(std::current_exception());
  }
}

void Service::add(const VmView& view) {
  on_loop([&] {
    api.vms.push_back(view);
    tree->update(view);
  });
}

}  // namespace virtsession::test
