// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/log.hpp"

#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"
#include "util/files.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace virtsession {
namespace {

using namespace std::chrono_literals;

/// Runs in a child of its own: what log keeps is the process's. \return what `body` wrote to standard error
std::string stderr_of(const std::function<void()>& body) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "stderr";
  test::in_mount_namespace([&] {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const UniqueFd old(dup(STDERR_FILENO));
    REQUIRE(dup2(file.get(), STDERR_FILENO) >= 0);
    unsetenv("JOURNAL_STREAM");
    body();
    REQUIRE(dup2(old.get(), STDERR_FILENO) >= 0);
  });
  return **read_file(path);
}

TEST_CASE("On a console an entry is one plain line with its level") {
  const std::string text = stderr_of([] {
    unsetenv("VIRTSESSION_LOG_LEVEL");
    REQUIRE(log::init(log::Level::info));
    log::debug("not asked for");
    log::info("VM \"{}\" is {}", "web", "running");
    log::warn("Two\nlines\x1b[31m and a {}", "newline at the end\n");
    log::warn("\u202ereversed, \u009bC1, {}, \u2028 caf\u00e9", "no \xff\xc3 UTF-8");
    log::write(log::Level::error, log::Fields{{"VIRTSESSION_VM", "web"}}, "{} braces are text here");
  });
  CHECK(text ==
        "info: VM \"web\" is running\n"
        "warning: Two\\nlines\\x1b[31m and a newline at the end\n"
        "warning: \\u202ereversed, \\x9bC1, no ?? UTF-8, \\u2028 caf\u00e9\n"
        "error: {} braces are text here\n");
}

TEST_CASE("The environment's level wins, and a bad one is an error that names the choices") {
  const std::string text = stderr_of([] {
    setenv("VIRTSESSION_LOG_LEVEL", "error", 1);
    REQUIRE(log::init(log::Level::debug));
    REQUIRE_FALSE(log::enabled(log::Level::warning));
    log::warn("too low");
    setenv("VIRTSESSION_LOG_LEVEL", "loud", 1);
    const auto result = log::init(log::Level::warning);
    REQUIRE_FALSE(result);
    REQUIRE(result.error().code == ErrorCode::invalid_config);
    REQUIRE(result.error().message == "VIRTSESSION_LOG_LEVEL is \"loud\"; use debug, info, warning or error");
    log::warn("at the caller's level");
    log::info("too low");
  });
  CHECK(text == "warning: at the caller's level\n");
}

/// Stands where journald listens, in this mount namespace. See sd_journal_send(3) and systemd's
/// JOURNAL_NATIVE_PROTOCOL.
UniqueFd fake_journal() {
  std::filesystem::create_directories("/run");
  test::mount_tmpfs("/run", 1024);
  std::filesystem::create_directories("/run/systemd/journal");
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/systemd/journal/socket");
  REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

std::string stream_of(int fd) {
  struct stat info {};
  REQUIRE(fstat(fd, &info) == 0);
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

TEST_CASE("An entry reaches the journal with its priority and fields, when standard error is the journal's") {
  const std::string text = stderr_of([] {
    const UniqueFd journal = fake_journal();
    unsetenv("VIRTSESSION_LOG_LEVEL");
    setenv("JOURNAL_STREAM", stream_of(STDERR_FILENO).c_str(), 1);
    REQUIRE(log::init(log::Level::info));
    log::write(log::Level::warning, {{"VIRTSESSION_VM", "web\u202e"}, {"VIRTSESSION_VM_UUID", "some-uuid"}},
               "It\nfailed\u202e");
    char buffer[4096];
    const auto got = recv(journal.get(), buffer, sizeof buffer, 0);
    REQUIRE(got > 0);
    REQUIRE(std::string(buffer, static_cast<std::size_t>(got)) ==
            "MESSAGE=It\\nfailed\\u202e\nPRIORITY=4\nSYSLOG_IDENTIFIER=virtsessiond\n"
            "VIRTSESSION_VM=web\u202e\nVIRTSESSION_VM_UUID=some-uuid\n");

    // Redirected since systemd set it up: what is on standard error must go there.
    setenv("JOURNAL_STREAM", "1:2", 1);
    REQUIRE(log::init(log::Level::info));
    log::info("to the file");
    REQUIRE(recv(journal.get(), buffer, sizeof buffer, 0) < 0);
  });
  CHECK(text == "info: to the file\n");
}

TEST_CASE("A retried text is written when new, when it changes, and once an interval with a count") {
  log::Damped damped(10min);
  const log::Damped::TimePoint start{1h};
  CHECK(damped.next("down", start) == "down");
  for (int i = 1; i <= 11; ++i) CHECK_FALSE(damped.next("down", start + i * 30s));
  CHECK(damped.next("down", start + 10min) == "down (repeated 12 times)");
  CHECK_FALSE(damped.next("down", start + 11min));
  CHECK(damped.next("refused", start + 12min) == "refused");
  CHECK(damped.next("down", start + 13min) == "down");
  CHECK(damped.next("down", start + 24min) == "down (repeated 1 time)");
  damped.reset();
  CHECK(damped.next("down", start + 25min) == "down");
}

}  // namespace
}  // namespace virtsession
