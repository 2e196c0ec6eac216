// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/file_writer.hpp"

#include "util/files.hpp"
#include "util/log.hpp"
#include "util/thread.hpp"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

namespace virtsession {
namespace {

constexpr std::chrono::seconds kTryAgain{5};

Result<void> replace_file(const std::string& path, const std::string& text) {
  if (text.empty()) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return Error{ErrorCode::operation_failed,
                 "Failed to remove " + path + ": " + std::generic_category().message(errno)};
  }
  const auto made = make_directories(std::filesystem::path(path).parent_path().string());
  return made ? write_file_atomically(path, text) : made;
}

}  // namespace

/// The thread owns it as well, and outlives the writer if it has to.
struct FileWriter::State {
  explicit State(std::string file) : path(std::move(file)) {}

  const std::string path;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> next;  ///< what has not been tried yet
  bool writing = false;
  bool ended = false;  ///< nobody wants it any more
  bool busy = false;   ///< there is a thread
  std::string written;
  bool failed = false;  ///< at the last try
  bool hurry = false;   ///< the next try is wanted at once
};

FileWriter::FileWriter(std::string path, std::string written) : state_(std::make_shared<State>(std::move(path))) {
  state_->written = std::move(written);
}

FileWriter::~FileWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->next.reset();
  state_->ended = true;
  state_->changed.notify_all();
}

void FileWriter::write(std::string text) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->busy && text == state_->written) return;
  state_->next = std::move(text);
  state_->changed.notify_all();
  if (state_->busy) return;
  state_->busy = true;
  try {
    start_thread("state-file", [state = state_] { run(*state); }).detach();
  } catch (const std::system_error& error) {
    state_->busy = false;
    state_->failed = true;
    log::error("Failed to write {}: {}", state_->path, error.what());
  }
}

bool FileWriter::finish(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  state_->hurry = state_->busy && state_->failed;
  state_->changed.notify_all();
  const auto tried = [this] { return !state_->busy || (!state_->next && !state_->writing && !state_->hurry); };
  return state_->changed.wait_until(lock, deadline, tried) && !state_->failed;
}

void FileWriter::run(State& state) {
  std::unique_lock lock(state.mutex);
  while (state.next) {
    auto text = *std::exchange(state.next, std::nullopt);
    if (text == state.written) {
      state.failed = state.hurry = false;
      state.changed.notify_all();
      continue;
    }
    state.writing = true;
    state.hurry = false;
    lock.unlock();
    const auto result = replace_file(state.path, text);
    lock.lock();
    state.writing = false;
    if (result && state.failed) log::info("{} can be written again", state.path);
    if (!result && !state.failed) log::error("{}", result.error().message);
    state.failed = !result;
    if (result) {
      state.written = text;
      state.hurry = false;
    }
    state.changed.notify_all();
    if (result || state.next || state.ended) continue;
    state.changed.wait_for(lock, kTryAgain, [&] { return state.ended || state.next || state.hurry; });
    if (!state.ended && !state.next) state.next = std::move(text);
  }
  state.busy = false;
}

}  // namespace virtsession
