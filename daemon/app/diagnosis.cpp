// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/diagnosis.hpp"

#include "doctor/diagnose.hpp"
#include "util/thread.hpp"

#include <utility>

namespace virtsession {

Diagnosis::Diagnosis(EventLoop& loop) : loop_(loop), options_(options_from_environment()) {}

Diagnosis::~Diagnosis() {
  if (thread_.joinable()) thread_.join();
}

void Diagnosis::run(SupervisedFacts facts, Found found) {
  waiting_.push_back(std::move(found));
  if (waiting_.size() > 1) return;
  if (thread_.joinable()) thread_.join();  // it has posted its findings, and ends
  auto options = options_;
  options.supervised = std::move(facts);
  thread_ = start_thread("doctor", [this, options = std::move(options), alive = lifetime_.weak()] {
    std::vector<Finding> findings;
    std::exception_ptr failure;
    try {
      findings = diagnose(gather_facts(options));
    } catch (...) {
      failure = std::current_exception();
    }
    loop_.post(alive, [this, findings = std::move(findings), failure] {
      auto waiting = std::exchange(waiting_, {});
      if (failure) std::rethrow_exception(failure);
      for (const auto& each : waiting) each(findings);
    });
  });
}

}  // namespace virtsession
