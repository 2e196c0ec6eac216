// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ready_wait.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// One that has just started, and is waited for by its policy.
struct OneWait {
  explicit OneWait(const json& policy) : vm(core.off("web", policy)) { core.comes_up(vm); }
  bool waits() {
    if (vm.run()->readiness().wait()) check_ready(vm, core.now);
    return vm.run()->readiness().wait() != nullptr;
  }
  bool waits_after(Duration time) {
    core.pass(time);
    return waits();
  }

  CoreFixture core;
  Vm& vm;
};

}  // namespace

TEST_CASE("ready: a VM for which nothing else is said is ready when it runs") {
  OneWait test(json{{"start_ready", "started"}});
  CHECK_FALSE(test.waits());
  CHECK(test.core.says(test.vm) == "running: started");
}

TEST_CASE("ready: with an agent, when the guest has opened its channel") {
  OneWait test(json{{"start_ready", "agent"}});
  CHECK(test.waits());
  CHECK(test.core.says(test.vm) == "waiting-ready: waits to be ready: agent");
  test.core.tell(test.vm, [](auto& domain) { domain.agent_connected = true; });
  CHECK_FALSE(test.waits());
  CHECK(test.core.says(test.vm) == "running: ready: agent");
  CHECK_FALSE(test.vm.run()->readiness().never());
}

TEST_CASE("ready: a VM without a channel for an agent is not waited for in vain") {
  OneWait test(json{{"start_ready", "agent"}});
  test.core.tell(test.vm, [](auto& domain) { domain.agent_configured = false; });
  CHECK_FALSE(test.waits());
  CHECK(test.vm.run()->readiness().never());
  CHECK(test.vm.status().last_error == "it has no channel for a guest agent");
}

TEST_CASE("ready: by TCP, when its service has answered") {
  OneWait test(json{{"start_ready", "tcp:127.0.0.1:80"}});
  CHECK(test.waits());
  test.vm.run()->readiness().on_tcp_answer();
  CHECK_FALSE(test.waits());
}

TEST_CASE("ready: after a delay") {
  OneWait test(json{{"start_ready", "delay"}, {"start_ready_delay_sec", 5}, {"start_ready_timeout_sec", 1}});
  CHECK(test.waits_after(4s));
  CHECK_FALSE(test.waits_after(1s));
  CHECK_FALSE(test.vm.run()->readiness().never());
}

TEST_CASE("ready: how long do others wait for one that does not get ready?") {
  OneWait test(json{{"start_ready", "agent"}, {"start_ready_timeout_sec", 30.5}});
  CHECK(ready_check(test.vm) == test.core.now.steady + 30500ms);
  CHECK(test.waits_after(30s));
  CHECK_FALSE(test.waits_after(500ms));
  CHECK(test.vm.run()->readiness().never());
  CHECK(test.core.says(test.vm) == "running: started; VMs that start after it go on");
  CHECK(test.vm.status().last_error == "not ready by agent within 30.5 s");
  CHECK(test.core.journal().find("web: not ready by agent within 30.5 s") != std::string::npos);
}

TEST_CASE("ready: a policy that is changed meanwhile counts, from when the VM started") {
  OneWait test(json{{"start_ready", "agent"}});
  CHECK(test.waits_after(8s));
  test.core.set_policy(test.vm, {{"start_ready", "delay"}, {"start_ready_delay_sec", 10}});
  CHECK(test.waits());
  CHECK(test.core.says(test.vm) == "waiting-ready: waits to be ready: delay");
  CHECK_FALSE(test.waits_after(2s));
}

TEST_CASE("ready: another program's VM is not waited for") {
  CoreFixture core;
  auto domain = core.snapshot("web", {{"start_ready", "agent"}});
  domain.persistent = false;
  auto& vm = core.found(domain);
  core.comes_up(vm);
  CHECK_FALSE(vm.run()->readiness().wait());
}
