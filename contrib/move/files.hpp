// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "plan.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

// Files of one side: this user's own, or the system's, which libvirt reads and writes as volumes of storage pools.

namespace virtsession::move {

/// Takes the data of a file piece by piece, in order; what lies between is zero. An error ends the reading.
using Consumer = std::function<Result<void>(std::uint64_t offset, std::string_view data)>;

/// A file was created, and nothing is in it yet. An error ends the copying.
using Created = std::function<Result<void>()>;

/// Whose a file is, where that can be said.
struct Ownership {
  unsigned uid = 0, gid = 0, mode = 0600;
};

/// A file that comes into being: complete under its name, or not there.
class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;
  /// In order.
  virtual Result<void> write(std::uint64_t offset, std::string_view data) = 0;
  virtual Result<void> finish(std::uint64_t size) = 0;
};

/// All functions block. Errors are `operation_failed` with a sentence that names the path, or libvirt's.
class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  /// What is there; a path that is not is no error.
  virtual Result<FileFacts> look(const std::string& path) = 0;
  /// What is in a folder; nothing when there is none.
  virtual Result<std::set<std::string>> names(const std::string& folder) = 0;
  /// Nothing when it cannot be told.
  virtual std::optional<std::uint64_t> free_bytes(const std::string& folder) = 0;
  virtual Result<std::string> head(const std::string& path, std::size_t bytes) = 0;
  virtual Result<void> read(const std::string& path, const Consumer& consumer) = 0;
  /// A new file, with the folders above it; one that exists is an error.
  virtual Result<std::unique_ptr<Writer>> create(const std::string& path, const Ownership* owner) = 0;
  /// Removes a file; a path that is not there is no error.
  virtual Result<void> remove(const std::string& path) = 0;
  /// Removes what a killed Writer left, and no file that others made under the name meanwhile. \param was_created
  /// create() is known to have returned
  virtual Result<void> remove_unfinished(const std::string& path, bool was_created) = 0;
  /// Removes what a write of `path` that was cut off has left beside it.
  virtual Result<void> remove_part(const std::string& path) = 0;
  virtual std::optional<Ownership> owner(const std::string& path) = 0;
};

/// What a file's name ends with while it is written.
inline constexpr const char* kPart = ".part";

/// The user's own files, by system calls. A Writer writes PATH.part, which fsync and a rename that replaces nothing
/// make PATH.
class LocalFiles final : public Files {
 public:
  Result<FileFacts> look(const std::string& path) override;
  Result<std::set<std::string>> names(const std::string& folder) override;
  std::optional<std::uint64_t> free_bytes(const std::string& folder) override;
  Result<std::string> head(const std::string& path, std::size_t bytes) override;
  Result<void> read(const std::string& path, const Consumer& consumer) override;
  Result<std::unique_ptr<Writer>> create(const std::string& path, const Ownership* owner) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_unfinished(const std::string& path, bool was_created) override;
  Result<void> remove_part(const std::string& path) override;
  std::optional<Ownership> owner(const std::string& path) override;

  /// Makes `to` of the same blocks as `from`, where the file system can, with other first bytes (none: the same).
  /// \param created is called as copy_file() does \return false where it cannot
  static Result<bool> reflink(const std::string& from, const std::string& to, std::string_view head,
                              const Created& created);
};

}  // namespace virtsession::move
