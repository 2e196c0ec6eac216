// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/hypervisor.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace virtsession::test {

/// A libvirt that answers when the test says so. As the real one it tells nothing of a connection that was dropped.
class FakeHypervisor final : public Hypervisor {
 public:
  explicit FakeHypervisor(ConnectionSink& sink) : sink_(sink) {}

  void open(const std::string& uri) override {
    calls.push_back("open " + uri);
    state_ = State::opening;
    listing_ = false;
  }
  void close() override {
    calls.emplace_back("close");
    state_ = State::closed;
    listing_ = false;
  }
  void list() override {
    calls.emplace_back("list");
    listing_ = true;
  }
  void ping() override {
    if (answers_pings && state_ == State::open) sink_.on_answered();
  }
  void refresh(const std::string& uuid) override { calls.push_back("refresh " + uuid); }
  void run(const Operation& operation) override { calls.push_back("run " + std::to_string(operation.id)); }

  bool is_opening() const { return state_ == State::opening; }
  bool is_listing() const { return listing_; }

  void answer_open() {
    REQUIRE(is_opening());
    state_ = State::open;
    sink_.on_opened({.uri = "qemu:///session", .daemon_version = "9.0.0"});
  }
  void answer_list(const Result<void>& result = {}) {
    REQUIRE(state_ == State::open);
    REQUIRE(listing_);
    listing_ = false;
    sink_.on_list_done(result);
  }
  void answer_ping() { sink_.on_answered(); }
  void lose(LostReason reason) {
    REQUIRE(state_ == State::open);
    state_ = State::closed;
    listing_ = false;
    sink_.on_lost(reason);
  }

  bool answers_pings = true;
  std::vector<std::string> calls;  ///< "open URI", "list", "close" ...

 private:
  enum class State { closed, opening, open };

  ConnectionSink& sink_;
  State state_ = State::closed;
  bool listing_ = false;
};

}  // namespace virtsession::test
