// SPDX-License-Identifier: LGPL-2.1-or-later
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

// What has run by now can be read, also where the output goes to a file or a pipe.
[[maybe_unused]] const auto& unbuffered = std::cout << std::unitbuf;

void end_hung_case(int) {
  constexpr const char* kText = "\nThe test case hangs.\n";
  static_cast<void>(!write(STDERR_FILENO, kText, std::strlen(kText)));
  std::abort();  // doctest says which one
}

/// Ends a test case that hangs, and names it: CTest, which ends a program at a limit of its own, knows no cases.
class HangListener : public doctest::IReporter {
 public:
  explicit HangListener(const doctest::ContextOptions&) { std::signal(SIGALRM, end_hung_case); }

  void test_case_start(const doctest::TestCaseData&) override {
    constexpr unsigned kSeconds = 600;  // the slowest one takes a tenth of it, under a sanitizer
    alarm(kSeconds);
  }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { alarm(0); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("hang", 1, HangListener);

}  // namespace
