// SPDX-License-Identifier: LGPL-2.1-or-later
#include "copy_file.hpp"

#include "content_hash.hpp"
#include "doctor/run_program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

extern char** environ;

namespace virtsession::move {
namespace {

/// The first bytes as they will be at the target; empty when they stay.
Result<std::string> new_head(Files& from, const std::string& path, const std::string& backing) {
  if (backing.empty()) return std::string();
  const auto head = from.head(path, kHeadBytes);
  if (!head) return head.error();
  const std::string& before = *head;
  std::string bytes = before;
  if (!change_backing_name(bytes, backing))
    return Error{ErrorCode::operation_failed,
                 "The header of " + path + " has no room for the name of its backing file: " + backing};
  // What follows the last change comes as it is.
  const auto same = std::mismatch(bytes.rbegin(), bytes.rend(), before.rbegin()).first - bytes.rbegin();
  bytes.resize(bytes.size() - static_cast<std::size_t>(same));
  return bytes;
}

}  // namespace

Result<std::uint64_t> copy_file(Files& from, const std::string& from_path, Files& to, const std::string& to_path,
                                const std::string& backing, const Ownership* owner, const Sent& sent,
                                const Created& created) {
  const auto facts = from.look(from_path);
  if (!facts) return facts.error();
  const auto head = new_head(from, from_path, backing);
  if (!head) return head.error();
  if (dynamic_cast<LocalFiles*>(&from) && dynamic_cast<LocalFiles*>(&to)) {
    const auto linked = LocalFiles::reflink(from_path, to_path, *head, created);
    if (!linked) return linked.error();
    if (*linked) {
      sent(facts->allocated);
      return hash_of(to, to_path);
    }
  }
  auto made = to.create(to_path, owner);
  if (!made) return made.error();
  if (auto noted = created(); !noted) return noted.error();
  const auto writer = std::move(made).value();
  ContentHash hash;
  const auto pass_on = [&](std::uint64_t offset, std::string_view data) -> Result<void> {
    hash.add(offset, data);
    auto written = writer->write(offset, data);
    if (written) sent(data.size());
    return written;
  };
  if (!head->empty())
    if (auto written = pass_on(0, *head); !written) return written.error();
  const auto read = from.read(from_path, [&](std::uint64_t offset, std::string_view data) -> Result<void> {
    if (offset < head->size()) {
      const auto covered = std::min<std::uint64_t>(head->size() - offset, data.size());
      data.remove_prefix(static_cast<std::size_t>(covered));
      offset += covered;
    }
    return data.empty() ? Result<void>() : pass_on(offset, data);
  });
  if (!read) return read.error();
  if (auto finished = writer->finish(facts->size); !finished) return finished.error();
  return hash.finish(facts->size);
}

Result<std::uint64_t> hash_of(Files& files, const std::string& path) {
  const auto facts = files.look(path);
  if (!facts) return facts.error();
  if (facts->kind != FileFacts::Kind::file)
    return Error{ErrorCode::operation_failed, "Failed to read " + path + ": it is not there"};
  ContentHash hash;
  const auto read = files.read(path, [&](std::uint64_t offset, std::string_view data) {
    hash.add(offset, data);
    return Result<void>();
  });
  if (!read) return read.error();
  return hash.finish(facts->size);
}

Result<void> check_image(const std::string& path) {
  auto program = find_program("qemu-img", {"/usr/local/bin", "/usr/bin", "/bin"});
  if (program.empty()) return {};
  std::string check = "check", quiet = "-q", file = path;
  std::array<char*, 5> arguments{program.data(), check.data(), quiet.data(), file.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int started = posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (started != 0) return {};
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return {};
  constexpr int kCorrupt = 2;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCorrupt)
    return Error{ErrorCode::operation_failed, "qemu-img check finds that " + path + " is damaged"};
  return {};
}

}  // namespace virtsession::move
