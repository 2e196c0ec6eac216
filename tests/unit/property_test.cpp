// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scenarios.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace virtsession;
using nlohmann::json;

// Whatever happens in whatever order: random VMs, policies and events. A failure prints its seed.

namespace {

constexpr std::uint64_t kRoom = std::uint64_t{1} << 30;
const std::vector<BatteryCharge> kCharges{BatteryCharge::fine, BatteryCharge::low, BatteryCharge::not_told};
const std::vector<Strings> kPorts = {{"2222:22"}, {"0.0.0.0:2222:22", "8080:80"}, {"auto:22"}, {"[::1]:2222:22"}, {}};

class Chaos {
 public:
  static constexpr int kSteps = 60;

  explicit Chaos(std::uint32_t seed)
      : random_(seed), addresses_(seed), ports_(seed), demands_(seed), world_(Config{.parallel = pick(4) + 1}) {
    most_parallel_ = world_.config().parallel;
    world_.view_check_interval = 16;
    world_.on_policy_start = [this](const std::string& name) { check_start(name); };
    for (auto count = pick(8) + 1; count > 0; --count) define();
  }

  void run() {
    world_.connect();
    for (int step = 0; step < kSteps; ++step) {
      event();
      disturb_ports();
      demand();
      CHECK(world_.most_starts_in_flight() <= static_cast<std::size_t>(most_parallel_));
    }
    settle();
  }

 private:
  std::int64_t pick(int below) { return std::uniform_int_distribution<std::int64_t>(0, below - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }

  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(pick(static_cast<int>(values.size())))];
  }

  std::string any() {
    const auto names = world_.names();
    return names.empty() ? std::string() : one_of(names);
  }

  json policy() {
    json keys = {{"start_order", pick(3)}, {"start_retries", pick(3)}};
    auto names = world_.names();
    names.emplace_back("nosuch");
    auto after = json::array();
    for (auto i = pick(3); i > 0; --i) after.push_back(one_of(names));
    keys["start_after"] = after;
    keys["restart"] = one_of(Strings{"no", "on-failure", "always"});
    keys["start_ready"] = one_of(Strings{"started", "started", "agent", "delay", "tcp:host:80"});
    if (chance(20)) keys["start_delay_sec"] = pick(20);
    if (chance(20)) keys["start_if_paths"] = {"/mnt"};
    if (chance(15)) keys["after_units"] = {"nbd.service"};
    if (chance(10)) keys["start_if_ac_power"] = true;
    if (chance(10)) keys["start"] = one_of(Strings{"never", "was-running"});
    if (chance(5)) keys["start_oder"] = 1;
    if (chance(20)) keys["when_saved_by_others"] = "leave";
    if (chance(20)) keys["resume_when_unstuck"] = false;
    keys["ports"] = kPorts[ports_() % kPorts.size()];
    if (chance(20)) keys["sleep"] = one_of(Strings{"pause", "save"});
    if (chance(20)) keys["on_battery"] = one_of(Strings{"pause", "save"});
    if (chance(20)) keys["on_low_battery"] = one_of(Strings{"pause", "save"});
    if (chance(20)) keys["stop_actions"] = {one_of(Strings{"shutdown", "save", "leave"})};
    return keys;
  }

  void define() {
    VmSpec spec;
    spec.autostart = chance(75);
    if (chance(30)) spec.once = chance(50);
    spec.policy = policy();
    spec.persistent = chance(92);
    spec.running = !spec.persistent || chance(15);
    spec.agent_channel = chance(80);
    const auto name = "vm" + std::to_string(++defined_);
    if (ports_() % 8 != 0)
      spec.networks = {{"user", ports_() % 3 == 0 ? "passt" : "slirp", "52:54:00:00:00:" + name.substr(2), "net0"}};
    world_.define(name, spec);
    auto& domain = world_.domain(name);
    domain.start_always_fails = chance(10);
    if (chance(20)) domain.start_failures = {"no disk"};
    domain.dies_at_once = chance(8);
    domain.ignores_shutdown = chance(20);
    domain.sleeps_on_button = chance(10);
    if (chance(10)) domain.save_refusal = "State blocked by non-migratable device";
    if (!spec.persistent) domain.snapshot.appliance = chance(30);
    domain.start_takes = std::chrono::milliseconds(pick(3000));
    if (addresses_() % 2 == 0) domain.snapshot.networks.push_back({"bridge", "br0", "52:54:00:00:00:01"});
    if (addresses_() % 2 == 0) domain.agent_addresses = {{"192.0.2.1", "52:54:00:00:00:01"}};
    if (addresses_() % 3 == 0) domain.question_takes = std::chrono::milliseconds(addresses_() % 30000);
    domain.questions_fail = addresses_() % 10 == 0;
  }

  void event() {
    const auto name = any();
    if (!name.empty() && addresses_() % 8 == 0) world_.request(RequestKind::list_addresses, name);
    const auto kind = pick(34);
    if (name.empty() || kind == 0) return define();
    const bool active = world_.running(name);
    switch (kind) {
      case 1:
        return world_.undefine(name);
      case 2:
        return world_.rename(name, "vm" + std::to_string(++defined_));
      case 3:
        return active ? world_.foreign_shutdown(name) : world_.foreign_start(name);
      case 4:
        return world_.foreign_destroy(name);
      case 5:
        return world_.kill_qemu(name);
      case 6:
        return world_.terminate_qemu(name);
      case 7:
        return world_.panic(name);
      case 8:
        return world_.set_flag(name, chance(50));
      case 9:
        return world_.set_policy(name, policy());
      case 10:
        return world_.set_policy_text(name, one_of(Strings{"", "[]", "{\"restart\": 1}", "{}"}));
      case 11:
        return active ? world_.connect_agent(name) : world_.deliver();
      case 12:
        if (world_.supervisor().probes().contains(world_.uuid(name))) world_.answer_tcp(name);
        return;
      case 13:
        return world_.facts({.on_ac_power = chance(50),
                             .paths = {{"/mnt", {.exists = chance(50)}}},
                             .free_bytes = {{"/disk", chance(50) ? kRoom : 0}},
                             .units = {{"nbd.service", chance(50)}},
                             .battery_charge = one_of(kCharges)});
      case 14:
        return configure();
      case 15:
        return world_.connected() ? world_.lose_libvirt(chance(50)) : world_.connect();
      case 16:
        world_.restart_supervisor(chance(50));
        if (chance(80)) world_.connect();
        return;
      case 17:
        world_.request_autostart(chance(70));
        return;
      case 18:
      case 19:
        request(name);
        return;
      case 20:
        world_.request_stop_all(chance(70), chance(50) ? std::optional(static_cast<double>(pick(100))) : std::nullopt);
        return;
      case 21:
        return world_.sleep();
      case 22:
        return world_.wake_up();
      case 23:
        return active ? world_.fall_asleep(name) : world_.deliver();
      case 24:
        return active ? world_.fill_disk(name, "/disk") : world_.deliver();
      case 25:
        return world_.boxes(chance(50));
      case 26:
        return active && chance(50) ? world_.foreign_save_begins(name) : world_.foreign_save(name);
      case 27:
        return active ? world_.foreign_pause(name) : world_.deliver();
      default:
        return world_.pass(static_cast<double>(pick(400)) / 10);
    }
  }

  /// Another program takes a port of the host or lets go of it; QEMU does not answer, or does again.
  void disturb_ports() {
    if (ports_() % 8 == 0) world_.listened = {{"127.0.0.1", 2222, PortProtocol::tcp}};
    if (ports_() % 8 == 0) world_.listened.clear();
    for (const auto& name : world_.names())
      if (ports_() % 16 == 0)
        world_.domain(name).monitor_failure = ports_() % 2 == 0 ? "the monitor does not answer" : "";
  }

  /// A VM's unit asks for it and lets go of it, others pass options, libvirt hangs for a while, and the kernel kills
  /// for want of memory.
  void demand() {
    const auto names = world_.names();
    if (names.empty()) return;
    const auto& name = names[demands_() % names.size()];
    switch (demands_() % 32) {
      case 0:
      case 1:
        world_.request(RequestKind::start, name, [&](VmRequest& request) {
          request.by_policy = true;
          request.wait = false;
        });
        return;
      case 2:
        world_.request(RequestKind::stop, name, [&](VmRequest& request) { request.wait = demands_() % 2 == 0; });
        return;
      case 3:
        world_.request(RequestKind::start, name, [&](VmRequest& request) {
          asked_.insert(request.uuid);
          request.paused = demands_() % 2 == 0;
          request.force_boot = demands_() % 2 == 0;
        });
        return;
      case 4:
        world_.request(RequestKind::power_off, name, [](VmRequest& request) { request.graceful = true; });
        return;
      case 5:
        return world_.hang_libvirt();
      case 6:
        return world_.wake_libvirt();
      case 7:
        if (world_.running(name)) world_.kill_for_memory(name);
        return;
      case 8:
        if (world_.running(name)) world_.foreign_resume(name);
        return;
      default:
        return;
    }
  }

  void configure() {
    auto config = world_.config();
    config.parallel = pick(4) + 1;
    most_parallel_ = std::max(most_parallel_, config.parallel);
    config.defaults = chance(50) ? json{{"start_after", {"vm1"}}} : json::object();
    world_.configure(config);
  }

  void request(const std::string& name) {
    world_.request(static_cast<RequestKind>(pick(13)), name, [&](VmRequest& request) {
      if (request.kind == RequestKind::start) asked_.insert(request.uuid);
      request.wait = chance(70);
      request.enable = chance(50);
      if (chance(50)) request.timeout = std::chrono::seconds(pick(100) + 1);
      request.policy = chance(80) ? json{{"start_order", pick(3)}} : json{{"start_oder", 1}};
      if (chance(50)) request.keys = {"start_after"};
    });
  }

  /// A VM that starts by its turn starts after nothing whose start is still under way, unless they go in a circle.
  void check_start(const std::string& name) {
    const auto view = world_.view(name);
    if (asked_.contains(view.uuid)) return;
    for (const auto* cause : {"restart policy", "lack of memory", "policy", "the host woke up", "mains power",
                              "GNOME Boxes"})  // which waits for no other VM
      if (view.phase_reason.starts_with(std::string("because of ") + cause)) return;
    for (const auto& dependency : after(view)) {
      CAPTURE(name);
      const auto other = world_.supervisor().view(dependency);
      CAPTURE(other.name);
      CAPTURE(other.phase_reason);
      const bool still_to_come = other.phase == Phase::queued || other.phase == Phase::waiting ||
                                 other.phase == Phase::starting || other.phase == Phase::waiting_ready ||
                                 other.phase == Phase::backoff;
      CHECK((!still_to_come || leads_to(dependency, view.uuid)));
    }
  }

  Strings after(const VmView& view) {
    Strings uuids;
    for (const auto& name : view.policy["start_after"])
      if (const auto uuid = world_.supervisor().find_vm(name.get<std::string>())) uuids.push_back(*uuid);
    return uuids;
  }

  bool leads_to(const std::string& from, const std::string& to) {
    std::set<std::string> seen;
    Strings path{from};
    while (!path.empty()) {
      const auto uuid = path.back();
      path.pop_back();
      if (uuid == to) return true;
      if (!seen.insert(uuid).second) continue;
      for (const auto& next : after(world_.supervisor().view(uuid))) path.push_back(next);
    }
    return false;
  }

  /// What a person is told of a VM that is up, when nothing is under way: never that it runs when it does not.
  Strings what_it_does(const std::string& name) {
    const auto& snapshot = world_.domain(name).snapshot;
    if (snapshot.state == DomainState::running) return {"running"};
    if (snapshot.state == DomainState::pm_suspended) return {"asleep"};
    if (snapshot.pause_reason != PauseReason::io_error) return {"paused"};
    CHECK((!snapshot.persistent || !world_.view(name).policy["resume_when_unstuck"]));  // there is room for the others
    return {"stuck"};
  }

  /// Nothing more happens but what is under way: everything comes to an end.
  void settle() {
    world_.wake_libvirt();
    if (!world_.connected()) world_.connect();
    world_.facts({.on_ac_power = true,
                  .paths = {{"/mnt", {.exists = true}}},
                  .free_bytes = {{"/disk", kRoom}},
                  .units = {{"nbd.service", true}},
                  .battery_charge = BatteryCharge::fine});
    world_.wake_up();
    world_.boxes(false);
    world_.listened.clear();
    for (const auto& name : world_.names()) world_.domain(name).monitor_failure.clear();
    for (const auto& name : world_.names())
      if (world_.domain(name).snapshot.in_job) world_.foreign_save(name);
    world_.pass(1e6);
    CHECK(world_.stop_state() == "idle");
    world_.view_check_interval = 1;
    world_.tick();
    CHECK(world_.unanswered() == 0);
    CHECK(world_.pending().empty());
    CHECK(world_.autostart_state() != "running");
    CHECK(world_.autostart_state() != "pending");
    CHECK_FALSE(world_.supervisor().wake());
    auto wanted = world_.supervisor().wanted_facts();
    if (wanted.battery_charge) wanted.ac_power = wanted.battery_charge = false;  // somebody that runs asks for them
    CHECK(wanted == WantedFacts{});
    CHECK(world_.supervisor().probes().empty());
    for (const auto& name : world_.names()) {
      CAPTURE(name);
      CHECK(world_.questions(name) == 0);
      const auto phase = world_.phase(name);
      CAPTURE(phase);
      CAPTURE(world_.reason(name));
      const auto expected = world_.running(name) ? what_it_does(name) : Strings{"inactive", "gave-up"};
      CHECK(std::ranges::count(expected, phase) == 1);
      CHECK(world_.history(name).size() <= 50);
      check_forwards(name);
    }
  }

  /// What is wanted of a VM that runs is there, unless another one has the port, or it takes another start.
  void check_forwards(const std::string& name) {
    for (const auto& forward : world_.view(name).forwards) {
      CAPTURE(forward.spec);
      CAPTURE(forward.reason);
      if (!world_.running(name))
        CHECK((forward.state == ForwardState::off || forward.state == ForwardState::impossible));
      else
        CHECK(forward.state != ForwardState::off);
      if (forward.state == ForwardState::failed) CHECK(forward.reason.starts_with("VM \""));
    }
  }

  std::mt19937 random_;
  std::mt19937 addresses_;  // of its own, so that a seed has the scenario that it had without
  std::mt19937 ports_;      ///< of its own, so that what else happens stays as it was
  std::mt19937 demands_;    ///< likewise
  World world_;
  std::set<std::string> asked_;  ///< by uuid: somebody has started it, alone, which waits for no other
  std::int64_t most_parallel_ = 0;
  int defined_ = 0;
};

}  // namespace

TEST_CASE("whatever happens: starts keep their order, requests are answered once, and all comes to an end") {
  const Scenarios scenarios(250, Chaos::kSteps);
  for (auto seed = scenarios.first(); seed <= scenarios.last(); ++seed) {
    CAPTURE(seed);
    Chaos(seed).run();
  }
}
