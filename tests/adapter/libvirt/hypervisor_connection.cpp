// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fixture.hpp"
#include "silent_daemon.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("a connection says what it is connected to") {
  Fixture fixture;
  fixture.open();
  REQUIRE(fixture.sink.info);
  const LibvirtInfo& info = *fixture.sink.info;
  CHECK(info.uri == "test:///default");
  unsigned long version = 0;
  REQUIRE(virGetVersion(&version, nullptr, nullptr) == 0);
  // The test driver is in the library.
  CHECK(info.daemon_version == std::to_string(version / 1000000) + '.' + std::to_string(version / 1000 % 1000) + '.' +
                                   std::to_string(version % 1000));
}

TEST_CASE("a daemon that is asked for nothing but an answer gives it, and without a connection there is none") {
  Fixture fixture;
  fixture.hypervisor->ping();
  loop_until_idle(fixture.loop);
  CHECK_FALSE(fixture.sink.heard("answered"));
  fixture.open();
  fixture.hypervisor->ping();
  loop_until(fixture.loop, "the answer", [&] { return fixture.sink.heard("answered"); });
}

TEST_CASE("a URI that cannot be opened is answered with libvirt's reason, and another one then works") {
  Fixture fixture;
  fixture.hypervisor->open("test:///no/such/file.xml");
  loop_until(fixture.loop, "the failure", [&] { return fixture.sink.open_error.has_value(); });
  CHECK(fixture.sink.log == std::vector<std::string>{"open failed"});
  CHECK(fixture.sink.open_error->code == ErrorCode::libvirt_unavailable);
  CHECK(fixture.sink.open_error->message.find("/no/such/file.xml") != std::string::npos);
  fixture.sink.open_error.reset();
  fixture.open();
  CHECK(fixture.list().size() == 1);
}

TEST_CASE("without a connection every question is answered with libvirt_unavailable") {
  Fixture fixture;
  const auto check = [&] {
    fixture.sink.forget();
    fixture.hypervisor->list();
    loop_until(fixture.loop, "the answer", [&] { return fixture.sink.listed.has_value(); });
    REQUIRE(!*fixture.sink.listed);
    CHECK(fixture.sink.listed->error().code == ErrorCode::libvirt_unavailable);
    const auto result = fixture.run("00000000-0000-0000-0000-000000000001", OperationKind::start);
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::libvirt_unavailable);
    fixture.hypervisor->refresh("00000000-0000-0000-0000-000000000001");
  };
  check();
  fixture.open();
  fixture.hypervisor->close();
  check();
  fixture.hypervisor->open("test:///no/such/file.xml");
  check();  // while it is being opened
  loop_until(fixture.loop, "the failure", [&] { return fixture.sink.open_error.has_value(); });
  check();
}

TEST_CASE("what was asked of an earlier connection is not answered after the next open()") {
  Fixture fixture;
  fixture.open();
  const std::string uuid = fixture.default_uuid();
  fixture.hypervisor->list();
  for (OperationId id = 100; id < 110; ++id) {
    Operation operation;
    operation.id = id;
    operation.uuid = uuid;
    operation.call = call::SetAutostart{};
    fixture.hypervisor->run(operation);
  }
  fixture.sink.forget();
  fixture.open();
  CHECK(fixture.sink.log == std::vector<std::string>{"opened", "listed"});
}

TEST_CASE("an open that hangs is given up, the next one works, and the late end of the first is not heard of") {
  SilentDaemon daemon;
  Fixture fixture;
  fixture.hypervisor->open(daemon.uri());
  daemon.wait_for_client();
  fixture.hypervisor->close();
  fixture.open();
  CHECK(fixture.list().size() == 1);
  fixture.sink.forget();
  daemon.end();
  fixture.hypervisor.reset();  // waits for the first one, which ends now
  loop_until_idle(fixture.loop);
  CHECK(fixture.sink.log.empty());
  CHECK_FALSE(fixture.sink.open_error);
}

TEST_CASE("opens that hang do not pile up without an end") {
  SilentDaemon daemon;
  Fixture fixture;
  for (int i = 0; i < 4; ++i) {
    fixture.hypervisor->open(daemon.uri());
    daemon.wait_for_client();
  }
  fixture.hypervisor->open(daemon.uri());
  loop_until(fixture.loop, "the refusal", [&] { return fixture.sink.open_error.has_value(); });
  CHECK(fixture.sink.open_error->code == ErrorCode::libvirt_unavailable);
  CHECK(fixture.sink.log.size() == 1);
  daemon.end();
}

TEST_CASE("an open that hangs does not hang the end") {
  SilentDaemon daemon;
  Fixture fixture;
  fixture.hypervisor->open(daemon.uri());
  daemon.wait_for_client();
  const auto before = std::chrono::steady_clock::now();
  fixture.hypervisor.reset();
  CHECK(std::chrono::steady_clock::now() - before < kDeadline);
  daemon.end();
  loop_until_idle(fixture.loop);
  CHECK(fixture.sink.log.empty());
}

TEST_CASE("the hypervisor may go while calls are in flight") {
  const OtherClient client;
  std::vector<std::string> uuids;
  for (int i = 0; i < 10; ++i) uuids.push_back(client.define("flight-" + std::to_string(i)));
  for (int round = 0; round < 20; ++round) {
    Fixture fixture;
    fixture.hypervisor->open("test:///default");
    if (round % 4 != 0) loop_until(fixture.loop, "the connection", [&] { return fixture.sink.heard("opened"); });
    fixture.hypervisor->list();
    for (const std::string& uuid : uuids) {
      Operation operation;
      operation.uuid = uuid;
      operation.call = plain_call(round % 2 == 0 ? OperationKind::start : OperationKind::power_off);
      fixture.hypervisor->run(operation);
      fixture.hypervisor->refresh(uuid);
    }
    if (round % 3 == 0) fixture.loop.run_once(std::chrono::milliseconds(1));
    fixture.sink.forget();
    fixture.hypervisor.reset();
    loop_until_idle(fixture.loop);
    CHECK(fixture.sink.log.empty());
  }
}

TEST_CASE("the sink may close and reopen from inside an answer") {
  struct Reopening : RecordingSink {
    void on_listed(const std::vector<DomainSnapshot>& given) override {
      RecordingSink::on_listed(given);
      hypervisor->close();
      hypervisor->open("test:///default");
    }
    LibvirtHypervisor* hypervisor = nullptr;
  };
  EventLoop loop;
  Reopening sink;
  LibvirtHypervisor hypervisor(loop, sink.sinks());
  sink.hypervisor = &hypervisor;
  hypervisor.open("test:///default");
  loop_until(loop, "the connection", [&] { return sink.count("opened") == 1; });
  hypervisor.list();
  loop_until(loop, "the second connection", [&] { return sink.count("opened") == 2; });
  CHECK(sink.log == std::vector<std::string>{"opened", "listed", "opened"});
}

TEST_CASE("three hundred domains are listed, each once and whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "node.xml";
  {
    std::ofstream file(path);
    file << "<node>";
    for (int i = 0; i < 300; ++i)
      file << "<domain type='test'><name>vm" << i << "</name><title>Number " << i
           << "</title><memory>1024</memory><os><type>hvm</type></os></domain>";
    file << "</node>";
  }
  Fixture fixture;
  fixture.open("test://" + path);
  const auto domains = fixture.list();
  CHECK(domains.size() == 300);
  CHECK(fixture.sink.domains.size() == 300);
  for (const DomainSnapshot& domain : domains) {
    CHECK(domain.active());
    CHECK(domain.state == DomainState::running);
    CHECK(domain.title == "Number " + domain.name.substr(2));
    CHECK(domain.memory_kib == 1024);
    CHECK(domain.uuid.size() == 36);
  }
}
