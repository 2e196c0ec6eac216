// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scenarios.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace virtsession;
using nlohmann::json;

// However guests, libvirt and people behave while a session ends. A failure prints its seed.

namespace {

class SessionEnd {
 public:
  static constexpr int kSteps = 40;

  explicit SessionEnd(std::uint32_t seed) : random_(seed), world_(Config{.stop_parallel = pick(8) + 1}) {
    world_.on_policy_stop = [this](const std::string& name, OperationKind) { check_order(name); };
    for (auto count = pick(8) + 1; count > 0; --count) define();
  }

  /// Everybody does what they do, and nothing happens besides.
  void run_calm(bool enough) {
    for (const auto& name : world_.names()) behave(name);
    world_.connect();
    for (const auto& name : world_.names())
      if (world_.running(name) && chance(40)) world_.connect_agent(name);
    is_calm_ = true;
    const auto seconds = enough ? all_times() * 1.4 + 20 : static_cast<double>(pick(100));
    end_session(seconds);
    world_.pass(seconds);
    check_over();
    if (!enough) return;
    CHECK(world_.terminated().empty());
    for (const auto& name : were_up_) {
      CAPTURE(name);
      if (std::ranges::count(world_.names(), name) == 0) continue;  // it was transient, and is off
      const auto& domain = world_.domain(name);
      const auto actions = world_.view(name).policy["stop_actions"];
      if (domain.snapshot.persistent && actions[0] == "shutdown" && could_shut_down(name))
        CHECK(domain.snapshot.shutoff_reason == ShutoffReason::shutdown);
      const bool is_forced = actions.back() == "poweroff" && domain.power_off_failure.empty();
      if (domain.snapshot.persistent && is_forced) CHECK_FALSE(domain.snapshot.active());
    }
  }

  /// Anything may happen.
  void run_wild() {
    for (const auto& name : world_.names()) behave(name);
    if (chance(60)) world_.replacement_takes = std::chrono::seconds(pick(10));
    world_.connect();
    for (auto steps = pick(10); steps > 0; --steps) event();
    end_session(static_cast<double>(pick(300)));
    for (int step = 0; step < kSteps && !world_.supervisor().session_over(); ++step) {
      event();
      if (world_.now().steady >= deadline_) check_over();
      check_kept();
    }
    if (world_.now().steady < deadline_)
      world_.pass(std::chrono::duration<double>(deadline_ - world_.now().steady).count());
    check_over();
    check_kept();
    if (!world_.connected()) world_.connect();
    world_.lose_libvirt();
    world_.connect();
    world_.pass(1000);
    CHECK(world_.unanswered() == 0);
    CHECK_FALSE(world_.supervisor().wake());
  }

 private:
  std::int64_t pick(int below) { return std::uniform_int_distribution<std::int64_t>(0, below - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }
  std::chrono::seconds up_to(int seconds) { return std::chrono::seconds(pick(seconds + 1)); }

  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(pick(static_cast<int>(values.size())))];
  }

  json policy() {
    static const std::vector<json> actions = {
        {"shutdown", "save", "poweroff"},
        {"shutdown", "poweroff"},
        {"save", "poweroff"},
        {"poweroff"},
        {"shutdown", "save"},
        {"shutdown", "leave"},
        {"save"},
        {"leave"},
        {"save", "shutdown"},
        {"shutdown"},
    };
    json keys = {{"start_order", pick(3)}, {"stop_actions", one_of(actions)}, {"stop_timeout_sec", pick(60) + 1}};
    auto after = json::array();
    for (auto i = pick(3); i > 0; --i) after.push_back("vm" + std::to_string(pick(8) + 1));
    keys["start_after"] = after;
    if (chance(30)) keys["stop_order"] = pick(5) - 2;
    keys["restart"] = one_of(Strings{"no", "always"});
    keys["sleep"] = one_of(Strings{"none", "pause", "save"});
    return keys;
  }

  void define() {
    VmSpec spec{.autostart = chance(20), .policy = policy(), .persistent = chance(92)};
    spec.running = !spec.persistent || chance(85);
    spec.memory_mib = static_cast<std::uint64_t>(pick(4000));
    world_.define("vm" + std::to_string(++defined_), spec);
  }

  void behave(const std::string& name) {
    auto& vm = world_.domain(name);
    vm.shutdown_takes = up_to(40);
    vm.ignores_shutdown = chance(15);
    vm.ignores_button = chance(10);
    vm.ignores_agent = chance(10);
    vm.reboots_instead = chance(8);
    vm.ignores_sigterm = chance(5);
    vm.cannot_abort = chance(5);
    if (chance(10)) vm.agent_failure = "the agent does not answer";
    if (chance(8)) vm.button_failure = "no ACPI";
    if (chance(10)) vm.save_failure = "no space";
    if (chance(3)) vm.power_off_failure = "QEMU does not end";
    if (chance(10)) vm.agent_takes = up_to(65);
    if (chance(70)) vm.save_takes = up_to(20);
    if (chance(5)) vm.save_takes = up_to(500);
    if (chance(10)) vm.start_takes = up_to(20);
    vm.sleeps_on_button = chance(6);
    if (chance(6)) vm.save_refusal = "State blocked by non-migratable device";
    if (!vm.snapshot.persistent) vm.snapshot.appliance = chance(30);
    if (vm.snapshot.active() && chance(6)) vm.snapshot.state = DomainState::pm_suspended;
    if (chance(8)) vm.snapshot.save_blocker = "it has a host device";
    if (chance(4)) vm.snapshot.restarts_on_poweroff = true;
    if (vm.snapshot.active() && chance(5)) vm.snapshot.state = DomainState::paused;
    if (vm.snapshot.active() && chance(3)) vm.snapshot.state = DomainState::crashed;
  }

  double all_times() {
    double sum = 0;
    for (const auto& name : world_.names()) {
      const auto view = world_.view(name);
      const auto timeout = view.policy["stop_timeout_sec"].get<double>();
      const auto memory = static_cast<double>(world_.domain(name).snapshot.memory_kib) / 128 / 1024;
      sum += 3 * timeout + memory + 10;  // more than any three actions take
    }
    return sum;
  }

  /// Asked in whatever way it may be asked at first, it is off in its time.
  bool could_shut_down(const std::string& name) {
    const auto& vm = world_.domain(name);
    const bool hears = !vm.ignores_shutdown && !vm.sleeps_on_button && !vm.ignores_button && !vm.ignores_agent &&
                       vm.button_failure.empty() && vm.agent_failure.empty() && !vm.reboots_instead &&
                       !vm.snapshot.restarts_on_poweroff;
    const auto takes = std::chrono::duration<double>(vm.shutdown_takes + vm.agent_takes).count();
    return hears && vm.snapshot.state != DomainState::crashed && !was_frozen_.contains(name) &&
           takes < world_.view(name).policy["stop_timeout_sec"].get<double>();
  }

  void end_session(double seconds) {
    for (const auto& name : world_.names())
      if (world_.domain(name).snapshot.state == DomainState::crashed) was_frozen_.insert(name);
    for (const auto& name : world_.names())
      if (world_.running(name) || std::ranges::count(world_.started(), name) > 0) were_up_.insert(name);
    for (const auto& name : world_.names()) ids_.insert(world_.domain(name).snapshot.id);
    deadline_ = world_.now().steady + from_seconds(seconds);
    up_ = nullptr;
    world_.end_session(seconds);
    check_kept();
  }

  void check_over() {
    REQUIRE(world_.supervisor().session_over());
    CHECK(world_.stop_state() == "idle");
  }

  /// What was up when the session ended is what the next login finds, whatever happened since.
  void check_kept() {
    const auto kept = world_.supervisor().kept_state();
    if (up_.is_null()) up_ = kept.lasting["up"];
    CHECK(kept.lasting["up"] == up_);
    CHECK((world_.supervisor().session_over() ? kept.login == json::object() : Supervisor::is_in_stop(kept)));
  }

  /// A VM is asked for the first time when nothing that stops before it is left to be stopped. Policies and VMs that
  /// change meanwhile change who that is: then only start_after is looked at.
  void check_order(const std::string& name) {
    if (world_.domain(name).snapshot.appliance || alone_.contains(world_.uuid(name))) return;  // it waits for nobody
    const auto id = world_.domain(name).snapshot.id;
    const bool first = asked_.insert({world_.uuid(name), id}).second;
    if (!first || id < 0 || !world_.supervisor().session_end())
      return;  // -1: it is off, which is on its way to be told
    const auto plan = plan_stops(nodes());
    const auto mine = std::ranges::find(plan, world_.uuid(name), &PlannedStop::uuid);
    CAPTURE(name);
    REQUIRE(mine != plan.end());
    for (const auto& other : plan) {
      const auto view = world_.supervisor().view(other.uuid);
      CAPTURE(view.name);
      CAPTURE(view.phase_reason);
      const bool is_queued = view.phase_reason.starts_with("waits for its turn to be stopped");
      const bool is_under_way =
          (view.phase == Phase::stopping || view.phase == Phase::saving) &&
          !view.phase_reason.starts_with("waits until libvirt") &&  // which is not waited for long
          !view.phase_reason.ends_with("and others go on");         // when time is short
      const bool is_before = std::ranges::count(mine->before, other.uuid) > 0;
      if (is_calm_) CHECK_FALSE(((is_queued || is_under_way) && (is_before || other.order < mine->order)));
      if (ids_.contains(world_.domain(view.name).snapshot.id)) CHECK_FALSE((is_queued && is_before));
    }
  }

  /// Of the VMs that were up when the session ended, and those that are.
  std::vector<StopNode> nodes() {
    std::vector<StopNode> nodes;
    for (const auto& name : world_.names()) {
      const auto view = world_.view(name);  // as the supervisor knows it: an event comes before the state after it
      if (world_.domain(name).snapshot.appliance || (view.state == DomainState::shut_off && !were_up_.contains(name)))
        continue;
      const auto& keys = view.policy;
      std::optional<std::int64_t> order;
      if (!keys["stop_order"].is_null()) order = keys["stop_order"].get<std::int64_t>();
      nodes.push_back({view.uuid, name, order, keys["start_order"], keys["start_after"], {}, 0, {}});
    }
    return nodes;
  }

  void event() {
    const auto names = world_.names();
    const auto kind = pick(34);
    if (names.empty() || kind == 0) return define();
    const auto& name = one_of(names);
    const bool active = world_.running(name);
    switch (kind) {
      case 1:
        if (!active) world_.foreign_start(name);
        return;
      case 2:
        return world_.foreign_shutdown(name);
      case 3:
        return world_.kill_qemu(name);
      case 4:
        return world_.foreign_destroy(name);
      case 5:
        if (active) world_.connect_agent(name);
        return;
      case 6:
        if (world_.connected()) world_.lose_libvirt(chance(50));
        return;
      case 7:
      case 8:
        if (!world_.connected()) world_.connect();
        return;
      case 9:
        world_.restart_supervisor(chance(50));
        if (chance(70)) world_.connect();
        return;
      case 10:
        if (chance(30)) world_.hang_libvirt();
        return;
      case 11:
        if (chance(30)) world_.hurry();
        return;
      case 12:
        return world_.set_policy(name, policy());
      case 13:
        return world_.undefine(name);
      case 14:
        world_.request_stop_all(chance(50), chance(50) ? std::optional(static_cast<double>(pick(60))) : std::nullopt);
        return;
      case 15:
        return chance(50) ? world_.sleep() : world_.wake_up();
      case 16:
        world_.domain(name).snapshot.in_job = active && chance(50);
        return world_.refresh(name);
      case 17:
        world_.request_autostart();
        return;
      case 18:
      case 19:
      case 20:
        world_.request(static_cast<RequestKind>(pick(13)), name, [&](VmRequest& request) {
          request.wait = chance(70);
          if (request.kind == RequestKind::stop) alone_.insert(request.uuid);
        });
        return;
      case 21:
        if (active) world_.event(name, DomainEventKind::rebooted);
        return;
      case 22:
        return world_.deliver();
      case 23:
        return active ? world_.fill_disk(name, "/disk") : world_.deliver();
      case 24:
        return active ? world_.fall_asleep(name) : world_.deliver();
      case 25:
        return world_.boxes(chance(50));
      case 26:
        return world_.foreign_save(name);
      default:
        return world_.pass(static_cast<double>(pick(300)) / 10);
    }
  }

  std::mt19937 random_;
  World world_;
  int defined_ = 0;
  SteadyTime deadline_{};
  json up_;
  bool is_calm_ = false;
  std::set<std::string> were_up_;
  std::set<int> ids_;  ///< of the runs of VMs that were up
  std::set<std::pair<std::string, int>> asked_;
  std::set<std::string> was_frozen_;
  std::set<std::string> alone_;  ///< by uuid: somebody wanted it to be stopped, and no other
};

}  // namespace

TEST_CASE("a session that ends in peace: in order, and nobody is hurried who could shut down in time") {
  const Scenarios scenarios(150, SessionEnd::kSteps);
  for (auto seed = scenarios.first(); seed <= scenarios.last(); ++seed) {
    CAPTURE(seed);
    SessionEnd(seed).run_calm(true);
  }
}

TEST_CASE("a session that ends with too little time: it is over by its deadline") {
  const Scenarios scenarios(150, SessionEnd::kSteps);
  for (auto seed = scenarios.first(); seed <= scenarios.last(); ++seed) {
    CAPTURE(seed);
    SessionEnd(seed).run_calm(false);
  }
}

TEST_CASE("a session that ends while anything happens: it is over by its deadline, and nothing is lost") {
  const Scenarios scenarios(300, SessionEnd::kSteps);
  for (auto seed = scenarios.first(); seed <= scenarios.last(); ++seed) {
    CAPTURE(seed);
    SessionEnd(seed).run_wild();
  }
}
