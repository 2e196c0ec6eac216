// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_session.hpp"

#include "fixture.hpp"
#include "silent_daemon.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// A session on the test driver, whose connection the test can lose.
struct OpenSession {
  OpenSession() { mailbox->accept(1); }
  ~OpenSession() {
    mailbox->shut();
    session->finish();
    session->wait_ended(std::chrono::steady_clock::now() + kDeadline);
  }
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

  void open() {
    session->open("test:///default");
    loop_until(loop, "the connection", [&] { return sink.heard("opened"); });
  }
  void list() {
    session->list();
    loop_until(loop, "the list", [&] { return sink.heard("listed"); });
  }

  const std::shared_ptr<EventThread> events = EventThread::share();
  EventLoop loop;
  RecordingSink sink;
  const std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>(loop, sink.sinks());
  const std::shared_ptr<LibvirtSession> session = std::make_shared<LibvirtSession>(1, mailbox);
};

}  // namespace

TEST_CASE("when the connection is lost every operation is answered once, and nothing else is told") {
  OpenSession test;
  test.open();
  const OtherClient client;
  const std::string uuid = client.define("lost");
  constexpr OperationId kOperations = 200;
  Operation operation;
  operation.uuid = uuid;
  operation.call = call::SetAutostart{};
  for (operation.id = 1; operation.id <= kOperations; ++operation.id) test.session->run(operation);
  test.session->list();
  test.session->on_connection_lost(LostReason::keep_alive);
  test.session->on_connection_lost(LostReason::end_of_file);
  const DomainPtr domain = client.domain(uuid);
  REQUIRE(virDomainCreate(domain.get()) == 0);
  test.session->run(operation);
  test.session->refresh(uuid);
  loop_until(test.loop, "all answers", [&] { return test.sink.done.size() == kOperations + 1; });
  test.session->finish();
  REQUIRE(test.session->wait_ended(std::chrono::steady_clock::now() + kDeadline));
  loop_until_idle(test.loop);

  CHECK(test.sink.lost == LostReason::keep_alive);
  CHECK(test.sink.count("lost") == 1);
  CHECK(test.sink.done.at(kOperations).error().code == ErrorCode::libvirt_unavailable);
  std::size_t answers = 0;
  for (std::size_t i = 0; i < test.sink.log.size(); ++i) {
    const std::string& line = test.sink.log[i];
    if (line.rfind("done", 0) == 0)
      ++answers;
    else
      CHECK_MESSAGE(i <= test.sink.position("lost"), line);
  }
  CHECK(answers == kOperations + 1);
  REQUIRE(virDomainDestroy(domain.get()) == 0);
}

TEST_CASE("a connection that is lost while it is opened has failed to open, and only that") {
  SilentDaemon daemon;
  OpenSession test;
  test.session->open(daemon.uri());
  daemon.wait_for_client();
  test.session->on_connection_lost(LostReason::keep_alive);
  daemon.end();
  test.session->finish();
  REQUIRE(test.session->wait_ended(std::chrono::steady_clock::now() + kDeadline));
  loop_until_idle(test.loop);
  REQUIRE(test.sink.open_error);
  CHECK(test.sink.open_error->code == ErrorCode::libvirt_unavailable);
  CHECK(test.sink.log == std::vector<std::string>{"open failed"});
}
