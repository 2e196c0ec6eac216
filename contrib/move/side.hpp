// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "files.hpp"
#include "libvirt/raii.hpp"
#include "volumes.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::move {

/// Where this user's and the system's things lie.
struct Places {
  std::string config_home;
  std::string data_home;
  std::string state_home;
  std::string user;

  static Places from_environment();
  std::string nvram_folder(Side side) const;
  std::string tpm_folder(Side side) const;
  std::string images_folder(Side side) const;
};

/// One of the two libvirts: a connection, the domains, and the files that its VMs have.
class SideAccess {
 public:
  /// Connects; never forks a libvirt daemon. For the system polkit may ask for a password: by the desktop's dialog, or
  /// on the terminal. \return `libvirt_unavailable` with libvirt's words, `access_denied` when nobody gave one
  static Result<std::unique_ptr<SideAccess>> open(Side side);
  /// On a connection that is open already.
  SideAccess(Side side, ConnectPtr connection);

  Side side() const { return side_; }
  virConnectPtr connection() const { return connection_.get(); }
  /// For a file that is read: by system calls where this user can, else through libvirt.
  Files& reader_of(const std::string& path);
  /// For what is written.
  Files& files();
  VolumeFiles* volumes() { return volumes_.get(); }
  LocalFiles& local() { return local_; }

  /// By name, else by uuid. Null when there is none.
  Result<DomainPtr> find(const std::string& vm) const;
  Result<DomainPtr> find_uuid(const std::string& uuid) const;
  Result<std::vector<DomainPtr>> domains() const;

 private:
  Side side_;
  ConnectPtr connection_;
  LocalFiles local_;
  std::unique_ptr<VolumeFiles> volumes_;  ///< of the system only
};

}  // namespace virtsession::move
