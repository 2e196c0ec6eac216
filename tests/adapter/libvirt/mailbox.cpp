// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/mailbox.hpp"

#include "fixture.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>

using namespace virtsession;
using namespace virtsession::test;

namespace {

Mailbox::Message done(OperationId id) {
  return [id](const Sinks& sinks) { sinks.domains.on_operation_done(id, {}); };
}

}  // namespace

TEST_CASE("only messages of the current generation arrive, judged when they arrive") {
  EventLoop loop;
  RecordingSink sink;
  const auto mailbox = std::make_shared<Mailbox>(loop, sink.sinks());
  mailbox->accept(1);
  mailbox->post(1, done(1));
  loop_until_idle(loop);
  mailbox->post(1, done(2));  // becomes stale on its way
  mailbox->accept(2);
  mailbox->post(2, done(3));
  mailbox->post(1, done(4));
  loop_until_idle(loop);
  CHECK(sink.log == std::vector<std::string>{"done 1", "done 3"});
}

TEST_CASE("nothing arrives after the mailbox is shut or gone") {
  EventLoop loop;
  RecordingSink sink;
  auto mailbox = std::make_shared<Mailbox>(loop, sink.sinks());
  mailbox->accept(1);
  mailbox->post(1, done(1));
  mailbox->shut();
  mailbox->post(1, done(2));
  loop_until_idle(loop);
  CHECK(sink.log.empty());

  mailbox = std::make_shared<Mailbox>(loop, sink.sinks());
  mailbox->accept(1);
  mailbox->post(1, done(3));
  mailbox.reset();
  loop_until_idle(loop);
  CHECK(sink.log.empty());
}

TEST_CASE("a mailbox that is shut does not need its loop any more") {
  RecordingSink sink;
  auto loop = std::make_unique<EventLoop>();
  const auto mailbox = std::make_shared<Mailbox>(*loop, sink.sinks());
  mailbox->shut();
  loop.reset();
  mailbox->post(1, done(1));
  mailbox->post_exception(std::make_exception_ptr(std::runtime_error("late")));
  CHECK(sink.log.empty());
}

TEST_CASE("an exception of another thread comes out of the loop") {
  EventLoop loop;
  RecordingSink sink;
  const auto mailbox = std::make_shared<Mailbox>(loop, sink.sinks());
  mailbox->post_exception(std::make_exception_ptr(std::runtime_error("broken")));
  CHECK_THROWS_WITH_AS(loop.run(), "broken", std::runtime_error);
}
