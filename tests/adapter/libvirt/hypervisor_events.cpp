// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// Connected; what happens is somebody else's doing.
struct Watching : Fixture {
  Watching() {
    open();
    uuid = default_uuid();
    domain = client.domain(uuid);
    sink.forget();
  }

  void wait_for(DomainEventKind kind, const std::string& of) {
    loop_until(loop, "the event", [&] { return sink.saw(of, kind); });
  }
  /// Waits until the domain was read again and is as wanted.
  template <class Condition>
  void wait_until(const std::string& of, Condition condition) {
    loop_until(loop, "the domain's new state", [&] {
      const auto known = sink.domain(of);
      return known && condition(*known);
    });
  }

  OtherClient client;
  std::string uuid;
  DomainPtr domain;
};

}  // namespace

TEST_CASE("what somebody else does to a domain is told, and the domain is read again") {
  Watching watching;
  REQUIRE(virDomainSuspend(watching.domain.get()) == 0);
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.state == DomainState::paused; });
  REQUIRE(virDomainResume(watching.domain.get()) == 0);
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.state == DomainState::running; });
  CHECK(watching.sink.run_states == 2);  // nothing else of it was read
  // What is shown at once, before that.
  CHECK(watching.sink.saw(watching.uuid, DomainEventKind::paused));
  CHECK(watching.sink.saw(watching.uuid, DomainEventKind::resumed));
  CHECK(watching.sink.events.front().id > 0);
  CHECK(watching.sink.position("event") == 0);
  const auto told = watching.sink.events.size();
  REQUIRE(virDomainShutdown(watching.domain.get()) == 0);
  watching.wait_until(watching.uuid,
                      [](const DomainSnapshot& now) { return now.shutoff_reason == ShutoffReason::shutdown; });
  CHECK(watching.sink.events.size() == told);  // the snapshot has said it all
  watching.sink.forget();
  REQUIRE(virDomainCreate(watching.domain.get()) == 0);
  watching.wait_for(DomainEventKind::started, watching.uuid);
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.active(); });
  CHECK(watching.sink.position("event") < watching.sink.position("domain " + watching.uuid));
  REQUIRE(virDomainDestroy(watching.domain.get()) == 0);
  watching.wait_until(watching.uuid,
                      [](const DomainSnapshot& now) { return now.shutoff_reason == ShutoffReason::destroyed; });
}

TEST_CASE("what is new of a domain besides its pause is read although the pause alone was told later") {
  Watching watching;
  REQUIRE(virDomainSetMetadata(watching.domain.get(), VIR_DOMAIN_METADATA_ELEMENT, "<policy>{}</policy>", "v",
                               "https://virtsession.org/policy/1", VIR_DOMAIN_AFFECT_CONFIG) == 0);
  REQUIRE(virDomainSuspend(watching.domain.get()) == 0);
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) {
    return now.state == DomainState::paused && now.policy_text == "{}";
  });
}

TEST_CASE("a policy or a title that somebody else writes is seen, other metadata is not our business") {
  Watching watching;
  const auto set = [&](int type, const char* text, const char* key, const char* name_space) {
    REQUIRE(virDomainSetMetadata(watching.domain.get(), type, text, key, name_space, VIR_DOMAIN_AFFECT_CONFIG) == 0);
  };
  set(VIR_DOMAIN_METADATA_ELEMENT, "<os/>", "o", "https://example.org/os");
  set(VIR_DOMAIN_METADATA_DESCRIPTION, "words", nullptr, nullptr);
  set(VIR_DOMAIN_METADATA_ELEMENT, "<policy>{}</policy>", "v", "https://virtsession.org/policy/1");
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.policy_text == "{}"; });
  CHECK(watching.sink.count("domain " + watching.uuid) == 1);

  REQUIRE(virDomainDestroy(watching.domain.get()) == 0);  // a running domain shows neither in the test driver
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return !now.active(); });
  set(VIR_DOMAIN_METADATA_TITLE, "A <title>", nullptr, nullptr);
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.title == "A <title>"; });
  set(VIR_DOMAIN_METADATA_ELEMENT, "<move>leaving</move>", "m", "https://virtsession.org/move/1");
  watching.wait_until(watching.uuid, [](const DomainSnapshot& now) { return now.move_mark == "leaving"; });
}

TEST_CASE("a domain that is defined, renamed, changed or undefined is seen") {
  Watching watching;
  const std::string made = watching.client.define("first");
  watching.wait_for(DomainEventKind::defined, made);
  watching.wait_until(made, [](const DomainSnapshot& now) {
    return now.name == "first" && now.persistent && now.state == DomainState::shut_off && !now.active();
  });

  const DomainPtr domain = watching.client.domain(made);
  REQUIRE(virDomainRename(domain.get(), "second", 0) == 0);
  watching.wait_until(made, [](const DomainSnapshot& now) { return now.name == "second"; });
  CHECK_FALSE(watching.sink.saw(made, DomainEventKind::undefined));

  REQUIRE(virDomainUndefine(domain.get()) == 0);
  watching.wait_for(DomainEventKind::undefined, made);
  CHECK(watching.sink.events.back().name == "second");  // it cannot be read any more
  loop_until(watching.loop, "the end of the domain", [&] { return !watching.sink.domain(made); });
}

TEST_CASE("a transient domain comes and goes") {
  Watching watching;
  const DomainPtr domain(
      virDomainCreateXML(watching.client.get(),
                         "<domain type='test'><name>guest</name><uuid>ABCDEF00-0000-0000-0000-00000000BEEF</uuid>"
                         "<memory>1024</memory><os><type>hvm</type></os></domain>",
                         0));
  REQUIRE(domain);
  const std::string uuid = "abcdef00-0000-0000-0000-00000000beef";
  watching.wait_until(uuid, [](const DomainSnapshot& now) { return now.active() && !now.persistent; });
  REQUIRE(virDomainDestroy(domain.get()) == 0);
  loop_until(watching.loop, "the end of the domain", [&] { return !watching.sink.domain(uuid); });
}

TEST_CASE("a list never leaves the sink with an older state than it had") {
  Watching watching;
  for (int i = 0; i < 50; ++i) watching.client.define("crowd-" + std::to_string(i));
  for (int round = 0; round < 20; ++round) {
    watching.hypervisor->list();
    REQUIRE((round % 2 == 0 ? virDomainSuspend : virDomainResume)(watching.domain.get()) == 0);
    const DomainState wanted = round % 2 == 0 ? DomainState::paused : DomainState::running;
    watching.sink.listed.reset();
    loop_until(watching.loop, "the list and the new state", [&] {
      const auto known = watching.sink.domain(watching.uuid);
      return watching.sink.listed && known && known->state == wanted;
    });
  }
}

TEST_CASE("what happens after close() is not told as of the closed connection") {
  Watching watching;
  watching.hypervisor->close();
  REQUIRE(virDomainSuspend(watching.domain.get()) == 0);
  watching.sink.forget();
  watching.open();
  // libvirt may send the event of the suspend only now, to the connection that it finds.
  REQUIRE(watching.sink.log.size() >= 2);
  CHECK(watching.sink.log.at(0) == "opened");
  CHECK(watching.sink.log.at(1) == "listed");
  CHECK(watching.sink.domain(watching.uuid)->state == DomainState::paused);
}

TEST_CASE("nothing is told of domains before the first list, which has what has happened by then") {
  Watching watching;
  watching.hypervisor->close();
  watching.sink.forget();
  watching.hypervisor->open("test:///default");
  loop_until(watching.loop, "the connection", [&] { return watching.sink.heard("opened"); });
  REQUIRE(virDomainSuspend(watching.domain.get()) == 0);
  watching.hypervisor->refresh(watching.uuid);
  const auto changed = watching.run(watching.uuid, OperationKind::set_autostart);
  CHECK(watching.sink.log == std::vector<std::string>{"opened", "done 1"});
  watching.list();
  CHECK(watching.sink.domain(watching.uuid)->state == DomainState::paused);
}
