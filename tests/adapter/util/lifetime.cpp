// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/lifetime.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>

using namespace virtsession;

TEST_CASE("A bound callback is called until its owner is gone or has renewed itself") {
  std::string calls;
  auto owner = std::make_unique<Lifetime>();
  const std::function<void(const std::string&)> first = owner->bind([&](const std::string& text) { calls += text; });
  first("a");
  owner->renew();
  first("b");
  const std::function<void(const std::string&)> second = owner->bind([&](const std::string& text) { calls += text; });
  second("c");
  owner.reset();
  second("d");
  CHECK(calls == "ac");
}

TEST_CASE("A bound callback may destroy its owner") {
  auto owner = std::make_unique<Lifetime>();
  int calls = 0;
  const std::function<void()> end = owner->bind([&] {
    owner.reset();
    ++calls;
  });
  end();
  end();
  CHECK(calls == 1);
}
