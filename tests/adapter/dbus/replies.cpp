// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"
#include "raw_client.hpp"
#include "service.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace virtsession::test {

namespace {

constexpr const char* kInternal = "org.virtsession.Supervisor1.Error.Internal";

struct WithRaw {
  WithRaw() { service.add(web()); }

  PrivateBus bus;
  Service service{bus};
  RawClient client{bus.address()};
};

}  // namespace

TEST_CASE_FIXTURE(WithRaw, "a request is answered once, when it has ended") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  CHECK(client.answers_to(call) == 0);
  const auto done = service.on_loop([&] { return std::exchange(service.api.held, {}).front(); });
  service.on_loop([&] { done(Result<void>()); });
  CHECK(client.answers_to(call) == 1);
  CHECK(client.error_of(call) == "");
  service.on_loop([&] { done(Error{ErrorCode::busy, "a second answer"}); });
  CHECK(client.answers_to(call) == 1);
}

TEST_CASE_FIXTURE(WithRaw, "a request is answered once although its VM is gone by then") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  service.on_loop([&] { service.tree->remove(kWebUuid); });
  service.on_loop([&] { std::exchange(service.api.held, {}).front()(Error{ErrorCode::no_such_vm, "gone"}); });
  CHECK(client.answers_to(call) == 1);
  CHECK(client.error_of(call) == "org.virtsession.Supervisor1.Error.NoSuchVM");
}

TEST_CASE_FIXTURE(WithRaw, "the Api may remove the VM while it is asked, and answer at once") {
  service.on_loop([&] { service.api.before_request = [&] { service.tree->remove(kWebUuid); }; });
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  CHECK(client.answers_to(call) == 1);
  CHECK(client.error_of(call) == "");
}

TEST_CASE_FIXTURE(WithRaw, "a request that the Api forgets is answered with Internal") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::never; });
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  CHECK(client.answers_to(call) == 1);
  CHECK(client.error_of(call) == kInternal);
}

TEST_CASE_FIXTURE(WithRaw, "open requests are answered when the service stops, and may be completed later") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  const std::string error = [&] {
    service.on_loop([&] { service.tree.reset(); });
    CHECK(client.answers_to(call) == 1);
    return client.error_of(call);
  }();
  CHECK(error == "org.virtsession.Supervisor1.Error.ShuttingDown");
  service.on_loop([&] { std::exchange(service.api.held, {}).front()(Result<void>()); });
  CHECK(client.answers_to(call) == 1);
}

TEST_CASE_FIXTURE(WithRaw, "completions may outlive the bus connection") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  // The Api, with the completion it holds, is destroyed after the service's connection.
}

TEST_CASE("a handler that throws answers Internal with the text, and the service lives") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.add(web());
  ManagerProxy manager(client.connection());
  VmProxy vm(client.connection(), kWebPath);

  service.on_loop([&] { service.api.before_request = [] { throw std::runtime_error("out of \xff luck"); }; });
  auto outcome = client.vm_call("Start", VariantMap{});
  CHECK(outcome.error_name == kInternal);
  CHECK(outcome.mentions("Start of VM \"web\" failed unexpectedly: out of \xef\xbf\xbd luck"));

  service.on_loop([&] { service.api.before_request = [] { throw 42; }; });
  outcome = client.vm_call("Save", VariantMap{});
  CHECK(outcome.error_name == kInternal);

  // Answered before it throws, as setting a property always is.
  vm.Autostart(false);
  service.wait_for_requests(3);

  service.on_loop([&] { service.api.explode = true; });
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { manager.GetVM("web", {}); }, [&] { manager.ListVMs({}); }, [&] { manager.PlanStart({}); },
           [&] { manager.History("", {}); }, [&] { manager.Autostart({}); }, [&] { manager.Reload({}); },
           [&] { manager.RestartLibvirt({}); }, [&] { vm.Autostart(true); }}) {
    outcome = outcome_of(call);
    CHECK(outcome.error_name == kInternal);
    CHECK(outcome.mentions("it exploded"));
  }
  CHECK(client.managed_objects().size() == 1);
}

TEST_CASE("requests of one client reach the Api in their order") {
  PrivateBus bus;
  Service service(bus);
  Client client(bus);
  service.add(web());
  std::vector<std::future<Outcome>> calls;
  const std::vector<RequestKind> kinds = {RequestKind::start, RequestKind::pause, RequestKind::resume,
                                          RequestKind::set_autostart, RequestKind::save};
  for (int i = 0; i < 20; ++i) {
    calls.push_back(client.call(kWebPath, kVmInterface, "Start", VariantMap{}));
    calls.push_back(client.call(kWebPath, kVmInterface, "Pause", VariantMap{}));
    calls.push_back(client.call(kWebPath, kVmInterface, "Resume", VariantMap{}));
    calls.push_back(client.call(kWebPath, kPropertiesInterface, "Set", std::string(kVmInterface),
                                std::string("Autostart"), sdbus::Variant(true)));
    calls.push_back(client.call(kWebPath, kVmInterface, "Save", VariantMap{}));
  }
  for (auto& call : calls) CHECK(wait_for(call).error_name == "");
  const auto requests = service.on_loop([&] { return service.api.requests; });
  REQUIRE(requests.size() == 100);
  for (std::size_t i = 0; i < requests.size(); ++i) CHECK(requests[i].kind == kinds[i % kinds.size()]);
}

TEST_CASE_FIXTURE(WithRaw, "the history will know the caller's process") {
  const auto call = client.call(kWebPath, "Start");
  service.wait_for_requests(1);
  CHECK(client.answers_to(call) == 1);
  std::string command;
  std::getline(std::ifstream("/proc/self/comm"), command);
  const auto caller = service.on_loop([&] { return service.api.requests[0].caller; });
  CHECK(caller.name == command);
  CHECK(caller.client.starts_with(client.unique_name() + ", pid " + std::to_string(getpid())));
}

TEST_CASE("a client that does not wait, and is gone, is obeyed") {
  PrivateBus bus;
  Service service(bus);
  service.add(web());
  std::string name;
  {
    RawClient client(bus.address());
    name = client.unique_name();
    client.call(kWebPath, "Start", false);
  }
  service.wait_for_requests(1);
  CHECK(service.on_loop([&] { return service.api.requests[0].caller.client; }).starts_with(name));
}

}  // namespace virtsession::test
