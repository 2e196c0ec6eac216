// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cut_off_moves.hpp"

#include "advice.hpp"
#include "util/bounded.hpp"
#include "util/file_lock.hpp"
#include "util/files.hpp"
#include "util/paths.hpp"
#include "util/shell_word.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>

#include <filesystem>

namespace virtsession::ctl {
namespace {

namespace fs = std::filesystem;

/// A state folder that hangs, as any home may, holds up nobody who looks.
constexpr std::chrono::seconds kLimit{1};

fs::path folder_of_journals() { return fs::path(state_home()) / "virtsession/move"; }

/// Whether a move runs now, of any VM: only one does at a time, and until it ends no other goes on or is taken back.
bool is_one_running(const fs::path& folder) {
  const UniqueFd lock(open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC));
  return lock && is_file_locked(lock.get());
}

std::vector<CutOffMove> read_journals(const fs::path& folder) {
  std::vector<CutOffMove> moves;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto text = read_file((entry->path() / "journal.json").string(), std::size_t{64} * 1024 * 1024);
    if (!text || !*text) continue;
    const auto record = nlohmann::json::parse(**text, nullptr, false);
    const auto value = [&](const char* pointer) {
      return record.is_object() ? record.value(nlohmann::json::json_pointer(pointer), std::string()) : std::string();
    };
    if (value("/plan/name").empty()) continue;
    moves.push_back({value("/plan/name"), value("/plan/uuid"), value("/request/from") != "session"});
  }
  return moves;
}

std::vector<CutOffMove> look_for_cut_off_moves(const fs::path& folder) {
  if (is_one_running(folder)) return {};
  auto moves = read_journals(folder);
  return moves.empty() || is_one_running(folder) ? std::vector<CutOffMove>() : moves;  // one may have begun meanwhile
}

}  // namespace

std::vector<CutOffMove> cut_off_moves() {
  Bounded<std::vector<CutOffMove>> task("cut-off-moves",
                                        [folder = folder_of_journals()] { return look_for_cut_off_moves(folder); });
  return task.get(std::chrono::steady_clock::now() + kLimit).value_or(std::vector<CutOffMove>());
}

std::vector<Advice> advise_on_cut_off_moves() {
  std::vector<Advice> advices;
  for (const auto& move : cut_off_moves()) {
    const auto command = "virtsessionctl move " + shell_word(move.name);
    advices.push_back({move.name,
                       "was being moved, and that was cut off",
                       {command + " --resume   # go on", command + " --undo   # take it back"}});
  }
  return advices;
}

}  // namespace virtsession::ctl
