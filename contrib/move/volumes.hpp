// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "files.hpp"
#include "libvirt/raii.hpp"

#include <map>

namespace virtsession::move {

/// Files that libvirt's daemon reads and writes, as volumes: by its own rules of who may, and without a program of ours
/// that runs as root. A folder is looked at through the pool that has it; where there is none, through a transient
/// pool, and one that is off is started. Both are as before when this object goes. `qemu:///system` only.
///
/// A volume cannot be renamed: it has its name from its first byte on. That it is whole is what the journal says.
/// libvirt makes no volume where a file is.
class VolumeFiles final : public Files {
 public:
  /// \param connection outlives this
  explicit VolumeFiles(virConnectPtr connection) : connection_(connection) {}
  ~VolumeFiles() override;

  Result<FileFacts> look(const std::string& path) override;
  Result<std::set<std::string>> names(const std::string& folder) override;
  std::optional<std::uint64_t> free_bytes(const std::string& folder) override;
  Result<std::string> head(const std::string& path, std::size_t bytes) override;
  Result<void> read(const std::string& path, const Consumer& consumer) override;
  Result<std::unique_ptr<Writer>> create(const std::string& path, const Ownership* owner) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_unfinished(const std::string& path, bool was_created) override;
  Result<void> remove_part(const std::string& /*path*/) override { return {}; }  // a volume has its name at once
  std::optional<Ownership> owner(const std::string& path) override;

  /// Makes a folder, with those above it.
  Result<void> make_folder(const std::string& folder, const Ownership& owner);
  /// Sees what others made meanwhile.
  void refresh();

 private:
  struct Pool {
    PoolPtr pool;
    bool is_ours = false;  ///< transient, or started: to be stopped
  };
  /// Null when there is no such folder.
  Result<virStoragePoolPtr> pool_of(const std::string& folder);
  Result<virStoragePoolPtr> open_pool(const std::string& folder);
  /// Null when there is no such volume.
  Result<VolumePtr> find(const std::string& path);
  Result<void> receive(virStorageVolPtr volume, std::uint64_t length, const Consumer& consumer);

  virConnectPtr connection_;
  std::map<std::string, Pool> pools_;
};

}  // namespace virtsession::move
