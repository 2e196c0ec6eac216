// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fixture.hpp"

#include <doctest/doctest.h>
#include <libvirt/virterror.h>

#include <string>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// Opens test:///default; its one domain "test" runs.
struct OpenFixture : Fixture {
  OpenFixture() {
    open();
    uuid = default_uuid();
  }

  /// Runs it, which must work, and returns what the sink was told of the domain before it was told of the end.
  DomainSnapshot must(Operation operation) {
    operation.uuid = uuid;
    sink.forget();
    const auto result = run(operation);
    INFO((result ? std::string() : result.error().message));
    REQUIRE(bool(result));
    const std::string done = "done " + std::to_string(last_id);
    REQUIRE(sink.heard("domain " + uuid));
    CHECK(sink.position("domain " + uuid) < sink.position(done));
    REQUIRE(sink.domain(uuid));
    return *sink.domain(uuid);
  }
  DomainSnapshot must(OperationKind kind) {
    Operation operation;
    operation.call = plain_call(kind);
    return must(operation);
  }
  Error fails(OperationKind kind) {
    const auto result = run(uuid, kind);
    REQUIRE(!result);
    return result.error();
  }

  std::string uuid;
};

}  // namespace

TEST_CASE("a snapshot tells all there is of a domain") {
  OpenFixture fixture;
  const DomainSnapshot domain = fixture.list().at(0);
  CHECK(domain.name == "test");
  CHECK(domain.uuid == "6695eb01-f6a4-8304-79aa-97f2502e193f");
  CHECK(domain.id == 1);
  CHECK(domain.state == DomainState::running);
  CHECK(domain.shutoff_reason == ShutoffReason::none);
  CHECK(domain.persistent);
  CHECK_FALSE(domain.autostart);
  CHECK_FALSE(domain.autostart_once);
  CHECK_FALSE(domain.managed_save);
  CHECK_FALSE(domain.agent_configured);
  CHECK(domain.memory_kib == 8388608);
  CHECK_FALSE(domain.policy_text);
  CHECK(domain.policy_error.empty());
  CHECK(domain.save_blocker.empty());
  CHECK_FALSE(domain.restarts_on_poweroff);
  CHECK_FALSE(domain.in_job);
  CHECK(domain.networks == std::vector<Network>{{"network", "default", "aa:bb:cc:dd:ee:ff", "net0"}});
}

TEST_CASE("each operation does what it says, and the new state comes before its end") {
  OpenFixture fixture;
  DomainSnapshot domain = fixture.must(OperationKind::pause);
  CHECK(domain.state == DomainState::paused);
  CHECK(domain.state_reason == "user");
  domain = fixture.must(OperationKind::resume);
  CHECK(domain.state == DomainState::running);
  CHECK(domain.state_reason == "unpaused");
  domain = fixture.must(OperationKind::shutdown);
  CHECK(domain.state == DomainState::shut_off);
  CHECK(domain.state_reason == "shutdown");
  CHECK(domain.shutoff_reason == ShutoffReason::shutdown);
  CHECK_FALSE(domain.active());
  domain = fixture.must(OperationKind::start);
  CHECK(domain.state == DomainState::running);
  CHECK(domain.state_reason == "booted");
  CHECK(domain.active());
  domain = fixture.must(OperationKind::power_off);
  CHECK(domain.state == DomainState::shut_off);
  CHECK(domain.shutoff_reason == ShutoffReason::destroyed);
}

TEST_CASE(
    "a guest is shut down by the power button also where a driver knows no ways, and by an agent only by an agent") {
  OpenFixture fixture;
  Operation operation;
  operation.uuid = fixture.uuid;
  operation.call = call::Shutdown{ShutdownWay::agent};
  const auto refused = fixture.run(operation);
  REQUIRE(!refused);  // the number is that of virDomainShutdownFlagValues
  CHECK(refused.error().message.find("unsupported flags (0x2)") != std::string::npos);
  CHECK(fixture.sink.domain(fixture.uuid)->state == DomainState::running);
  operation.call = call::Shutdown{ShutdownWay::acpi};
  CHECK(fixture.must(operation).shutoff_reason == ShutoffReason::shutdown);
}

TEST_CASE("operations on a job are answered, and tell nothing of the domain") {
  OpenFixture fixture;
  fixture.sink.forget();
  CHECK(fixture.fails(OperationKind::abort_job).code == ErrorCode::not_supported);
  CHECK(fixture.fails(OperationKind::job_progress).code == ErrorCode::not_supported);
  CHECK(fixture.sink.log == std::vector<std::string>{"done 1", "done 2"});
  fixture.uuid = "00000000-0000-0000-0000-00000000abcd";
  CHECK(fixture.fails(OperationKind::abort_job).code == ErrorCode::no_such_vm);
  CHECK_FALSE(fixture.sink.heard("domain " + fixture.uuid));
}

TEST_CASE("the clock of a guest that runs is set, and that of another is an error") {
  OpenFixture fixture;
  CHECK(fixture.must(OperationKind::set_time).state == DomainState::running);
  fixture.must(OperationKind::power_off);
  CHECK(fixture.fails(OperationKind::set_time).code == ErrorCode::operation_failed);
}

TEST_CASE("the addresses of a domain that runs are told before the end, and nothing of its state is") {
  OpenFixture fixture;
  Operation operation;
  operation.uuid = fixture.uuid;
  operation.call = call::ReadAddresses{.arp = true};
  fixture.sink.forget();
  CHECK(bool(fixture.run(operation)));
  const auto& found = fixture.sink.addresses;
  CHECK(fixture.sink.log == std::vector<std::string>{"addresses of " + fixture.uuid, "done 1"});
  CHECK(found.id == 1);
  CHECK_FALSE(found.agent);
  REQUIRE(found.arp);  // what libvirt's test driver makes up for its network
  CHECK(*found.arp == std::vector<FoundAddress>{{"192.168.122.3", "aa:bb:cc:dd:ee:ff"}});

  fixture.must(OperationKind::power_off);
  CHECK(fixture.run(operation).error().code == ErrorCode::operation_failed);
  operation.uuid = "00000000-0000-0000-0000-00000000abcd";
  CHECK(fixture.run(operation).error().code == ErrorCode::no_such_vm);
}

TEST_CASE("the flags of a start reach libvirt") {
  OpenFixture fixture;
  Operation operation;
  operation.uuid = fixture.uuid;
  // The test driver knows none of them and says so; the numbers are those of virDomainCreateFlags.
  const auto refusal = [&] {
    const auto result = fixture.run(operation);
    return result ? std::string() : result.error().message;
  };
  operation.call = call::Start{.paused = true};
  CHECK(refusal().find("unsupported flags (0x1)") != std::string::npos);
  operation.call = call::Start{.bypass_cache = true};
  CHECK(refusal().find("unsupported flags (0x4)") != std::string::npos);
  operation.call = call::Start{.force_boot = true};
  CHECK(refusal().find("unsupported flags (0x8)") != std::string::npos);
}

TEST_CASE("a save leaves a managed save, which a start uses up") {
  OpenFixture fixture;
  DomainSnapshot domain = fixture.must(OperationKind::save);
  CHECK(domain.state == DomainState::shut_off);
  CHECK(domain.shutoff_reason == ShutoffReason::saved);
  CHECK(domain.managed_save);
  domain = fixture.must(OperationKind::start);
  CHECK(domain.state == DomainState::running);
  CHECK_FALSE(domain.managed_save);
}

TEST_CASE("a reboot boots the guest again") {
  OpenFixture fixture;
  fixture.must(OperationKind::pause);
  const DomainSnapshot domain = fixture.must(OperationKind::reboot);
  CHECK(domain.state == DomainState::running);
  CHECK(domain.state_reason == "booted");
}

TEST_CASE("the autostart flag is libvirt's own") {
  OpenFixture fixture;
  const OtherClient client;
  Operation operation;
  int autostart = -1;
  for (const bool enable : {true, false}) {
    operation.call = call::SetAutostart{enable};
    CHECK(fixture.must(operation).autostart == enable);
    REQUIRE(virDomainGetAutostart(client.domain(fixture.uuid).get(), &autostart) == 0);
    CHECK(bool(autostart) == enable);
  }
}

TEST_CASE("the autostart-once flag is not supported where libvirt does not have it") {
  OpenFixture fixture;
  CHECK(fixture.fails(OperationKind::set_autostart_once).code == ErrorCode::not_supported);
}

TEST_CASE("a policy makes the round trip through the metadata, whatever is in it") {
  OpenFixture fixture;
  const OtherClient client;
  Operation operation;
  for (const std::string text : {"{}", R"({"start_order": 5, "start_after": ["db"]})", "<&>\"' ]]> &amp; <!DOCTYPE x>",
                                 "  gr\xc3\xbc\xc3\x9f\r\n\t\xf0\x9f\x90\xa7 "}) {
    operation.call = call::SetPolicy{text};
    const DomainSnapshot domain = fixture.must(operation);
    REQUIRE(domain.policy_text);
    CHECK(*domain.policy_text == text);
    CHECK(domain.policy_error.empty());
  }
  // It is one element in a namespace of ours, under our prefix.
  const CString xml(virDomainGetXMLDesc(client.domain(fixture.uuid).get(), VIR_DOMAIN_XML_INACTIVE));
  REQUIRE(xml);
  CHECK(std::string(xml.get()).find("<virtsession:policy xmlns:virtsession=\"https://virtsession.org/policy/1\">") !=
        std::string::npos);

  operation.call = call::SetPolicy{};
  CHECK_FALSE(fixture.must(operation).policy_text);
  CHECK_FALSE(fixture.must(operation).policy_text);  // once more is no error
}

TEST_CASE("a policy that XML cannot carry is refused") {
  OpenFixture fixture;
  Operation operation;
  operation.uuid = fixture.uuid;
  operation.call = call::SetPolicy{"\x01"};
  const auto result = fixture.run(operation);
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::invalid_policy);
}

TEST_CASE("an element of ours that is no policy is a problem of the snapshot, not of the domain") {
  OpenFixture fixture;
  const OtherClient client;
  REQUIRE(virDomainSetMetadata(client.domain(fixture.uuid).get(), VIR_DOMAIN_METADATA_ELEMENT, "<policy><x/></policy>",
                               "v", "https://virtsession.org/policy/1", VIR_DOMAIN_AFFECT_CONFIG) == 0);
  const DomainSnapshot domain = fixture.list().at(0);
  CHECK(domain.state == DomainState::running);
  CHECK_FALSE(domain.policy_text);
  CHECK(domain.policy_error.find("more than text") != std::string::npos);
}

TEST_CASE("what libvirt refuses fails in libvirt's own words, and the state is read all the same") {
  OpenFixture fixture;
  fixture.sink.forget();
  const Error error = fixture.fails(OperationKind::start);
  CHECK(error.code == ErrorCode::operation_failed);
  const OtherClient client;
  const DomainPtr domain = client.domain(fixture.uuid);
  CHECK(virDomainCreate(domain.get()) < 0);
  CHECK(error.message == virGetLastErrorMessage());
  CHECK(fixture.sink.heard("domain " + fixture.uuid));
}

TEST_CASE("a domain that does not exist is told as gone, and every operation on it fails") {
  OpenFixture fixture;
  fixture.uuid = "00000000-0000-0000-0000-00000000abcd";
  fixture.sink.forget();
  CHECK(fixture.fails(OperationKind::start).code == ErrorCode::no_such_vm);
  CHECK(fixture.sink.log == std::vector<std::string>{"domain " + fixture.uuid, "done 1"});
  CHECK_FALSE(fixture.sink.domain(fixture.uuid));
}

TEST_CASE("a transient domain is read while it is there and gone when it stops") {
  OpenFixture fixture;
  const OtherClient client;
  const DomainPtr made(virDomainCreateXML(client.get(),
                                          "<domain type='test'><name>guest</name><metadata><v:policy "
                                          "xmlns:v='https://virtsession.org/policy/1'>{}</v:policy>"
                                          "</metadata><memory>1024</memory><os><type>hvm</type></os></domain>",
                                          0));
  REQUIRE(made);
  char text[VIR_UUID_STRING_BUFLEN];
  REQUIRE(virDomainGetUUIDString(made.get(), text) == 0);
  fixture.uuid = text;
  fixture.list();
  const DomainSnapshot domain = fixture.sink.domain(fixture.uuid).value_or(DomainSnapshot{});
  CHECK(domain.name == "guest");
  CHECK_FALSE(domain.persistent);
  CHECK(domain.save_blocker == "it is transient, and gone when it is off");
  CHECK(domain.policy_text == "{}");
  CHECK(bool(fixture.run(fixture.uuid, OperationKind::power_off)));
  CHECK_FALSE(fixture.sink.domain(fixture.uuid));
}

TEST_CASE("operations on one domain run in the order they were asked for") {
  OpenFixture fixture;
  const OperationKind kinds[] = {OperationKind::power_off, OperationKind::start, OperationKind::pause,
                                 OperationKind::resume,    OperationKind::save,  OperationKind::start,
                                 OperationKind::shutdown,  OperationKind::start, OperationKind::pause};
  fixture.sink.forget();
  Operation operation;
  operation.uuid = fixture.uuid;
  for (const OperationKind kind : kinds) {
    operation.id = ++fixture.last_id;
    operation.call = plain_call(kind);
    fixture.hypervisor->run(operation);
  }
  loop_until(fixture.loop, "the last operation", [&] { return fixture.sink.done.contains(fixture.last_id); });
  for (const auto& done : fixture.sink.done) CHECK_MESSAGE(bool(done.second), done.first);
  CHECK(fixture.sink.domain(fixture.uuid)->state == DomainState::paused);
}

TEST_CASE("refreshes that wait become one") {
  OpenFixture fixture;
  fixture.sink.forget();
  constexpr int kAsked = 2000;
  for (int i = 0; i < kAsked; ++i) fixture.hypervisor->refresh(fixture.uuid);
  // Calls of a domain are answered in order, so all refreshes have been by then. This one sends no event.
  REQUIRE(bool(fixture.run(fixture.uuid, OperationKind::set_autostart)));
  const std::size_t answered = fixture.sink.count("domain " + fixture.uuid);
  CHECK(answered >= 2);
  CHECK(answered < kAsked);
}

TEST_CASE("a libvirt without QEMU cannot ask it for forwards, and says so") {
  OpenFixture fixture;
  CHECK(fixture.fails(OperationKind::sync_forwards).code == ErrorCode::not_supported);
  CHECK_FALSE(fixture.sink.forwards);
}
