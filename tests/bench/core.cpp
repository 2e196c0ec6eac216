// SPDX-License-Identifier: LGPL-2.1-or-later
// What takes the core long by itself.
#include "core/config.hpp"
#include "core/start_plan.hpp"
#include "median.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <iostream>
#include <random>
#include <stdexcept>
#include <string>

using namespace virtsession;
using namespace virtsession::test;

namespace {

void planning() {
  std::minstd_rand random(1);
  std::vector<StartNode> nodes;
  for (int i = 0; i < 1000; ++i)
    nodes.push_back({fmt::format("uuid-{}", i), fmt::format("vm{}", i), i % 10, {}, true, false});
  for (int edge = 0; edge < 5000; ++edge) {
    const auto from = 1 + random() % 999;
    nodes[from].after.push_back(fmt::format("vm{}", random() % from));
  }
  std::vector<double> times;
  for (int run = 0; run < 11; ++run) {
    auto copy = nodes;
    const auto begin = Clock::now();
    const auto plan = plan_starts(std::move(copy));
    times.push_back(seconds_since(begin) * 1000);
    if (plan.size() != 1000) throw std::logic_error("the plan is not whole");
  }
  std::cout << fmt::format("Planning 1000 VMs with 5000 dependencies: {:.2f} ms (median of 11)\n\n", median_of(times));
}

void judging() {
  std::string text = "{";
  for (int i = 0; i < 380'000; ++i) text += fmt::format("{}\"k{}\":1", i == 0 ? "" : ",", i);
  text += '}';
  std::vector<double> times;
  for (int run = 0; run < 5; ++run) {
    const auto begin = Clock::now();
    if (read_config(text).problems.empty()) throw std::logic_error("nothing is wrong with it");
    times.push_back(seconds_since(begin) * 1000);
  }
  std::cout << fmt::format("Judging a configuration of 380,000 unknown keys ({:.1f} MiB): {:.0f} ms (median of 5)\n\n",
                           static_cast<double>(text.size()) / 1024 / 1024, median_of(times));
}

}  // namespace

// As test cases, so that one table can be had with -tc=; they assert nothing.
TEST_CASE("planning") { planning(); }
TEST_CASE("judging a configuration") { judging(); }
