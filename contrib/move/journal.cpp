// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.hpp"

#include "record_json.hpp"
#include "util/file_lock.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "/journal.json";
constexpr const char* kLock = "lock";
constexpr std::size_t kMaxJournal = std::size_t{64} * 1024 * 1024;  // snapshots have definitions in them

}  // namespace

Result<Journals> Journals::open(const std::string& state_home) {
  const auto folder = state_home + "/virtsession/move";
  if (auto made = make_directories(folder); !made) return made.error();
  const auto path = folder + "/" + kLock;
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return Error{ErrorCode::operation_failed,
                 "Failed to write " + path + ": " + std::generic_category().message(errno)};
  if (auto locked = lock_file(lock.get()); !locked) {
    if (locked.error().code == ErrorCode::busy)
      return Error{ErrorCode::busy,
                   "Another move of this user's is under way. One VM at a time is moved: wait until it is done"};
    return Error{ErrorCode::operation_failed, "Failed to lock " + path + ": " + locked.error().message};
  }
  return Journals(folder, std::move(lock));
}

std::string Journals::free_name(const std::string& uuid, const std::string& name) const {
  for (int count = 1;; ++count)
    if (auto path = folder_of(uuid) + "/kept-" + std::to_string(count) + "-" + name;
        access(path.c_str(), F_OK) < 0 && access((path + ".part").c_str(), F_OK) < 0)
      return path;
}

Result<std::optional<Record>> Journals::load(const std::string& uuid) const {
  const auto path = folder_of(uuid) + kFile;
  const auto text = read_file(path, kMaxJournal);
  if (!text) return text.error();
  if (!*text) return std::optional<Record>();
  const auto useless = [&](const std::string& why) {
    return Error{ErrorCode::operation_failed,
                 "The journal " + path + " of a move that was cut off cannot be used: " + why +
                     ". Nothing was changed. Use the version of virtsession that wrote it"};
  };
  try {
    const auto json = nlohmann::json::parse(**text);
    auto record = json.get<Record>();
    // A word that is not known reads as another one.
    if (nlohmann::json(record) != json) return useless("it has something in it that this version does not know");
    const auto files = record.plan.files.size();
    if (record.files.size() != files || (record.phase == Phase::arrived && record.arrived.size() != files))
      return useless("its lists of files do not fit together");
    return std::optional(std::move(record));
  } catch (const nlohmann::json::exception& error) {
    return useless(error.what());
  }
}

Result<std::optional<Record>> Journals::find(const std::string& vm) const {
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename() == kLock) continue;
    auto record = load(entry->path().filename().string());
    if (!record) return record;
    if (*record && ((*record)->plan.name == vm || (*record)->source_uuid == vm)) return record;
  }
  if (error) return Error{ErrorCode::operation_failed, "Failed to read " + folder_ + ": " + error.message()};
  return std::optional<Record>();
}

Result<void> Journals::save(const Record& record) const {
  const auto folder = folder_of(record.source_uuid);
  if (auto made = make_directories(folder); !made) return made;
  return write_file_atomically(folder + kFile, nlohmann::json(record).dump(1), 0600, Durability::fsync);
}

Result<std::string> Journals::close(const Record& record, const std::vector<std::string>& not_needed) const {
  const auto folder = folder_of(record.source_uuid), path = folder + kFile;
  if (unlink(path.c_str()) < 0 && errno != ENOENT)
    return Error{ErrorCode::operation_failed,
                 "Failed to remove " + path + ": " + std::generic_category().message(errno)};
  if (auto synced = sync_folder(folder); !synced) return synced.error();
  for (const auto& file : not_needed) unlink(file.c_str());
  return rmdir(folder.c_str()) == 0 ? std::string() : folder;
}

}  // namespace virtsession::move
