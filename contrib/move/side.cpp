// SPDX-License-Identifier: LGPL-2.1-or-later
#include "side.hpp"

#include "libvirt/error.hpp"
#include "password_agent.hpp"
#include "util/user_folders.hpp"

#include <libvirt/virterror.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace virtsession::move {
namespace {

/// Nobody gave a password, or the daemon's socket is for others only.
bool is_denied(const LibvirtError& error) {
  switch (error.code) {
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_UNAVAILABLE:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_ACCESS_DENIED:
      return true;
    default:
      return error.system_error == EACCES || error.system_error == EPERM;
  }
}

}  // namespace

Places Places::from_environment() {
  const auto folders = own_folders();
  const auto* entry = getpwuid(getuid());
  return {.config_home = folders.config,
          .data_home = folders.data,
          .state_home = folders.state,
          .user = entry ? entry->pw_name : std::to_string(getuid())};
}

std::string Places::nvram_folder(Side side) const {
  return side == Side::system ? "/var/lib/libvirt/qemu/nvram" : config_home + "/libvirt/qemu/nvram";
}

std::string Places::tpm_folder(Side side) const {
  return side == Side::system ? "/var/lib/libvirt/swtpm" : config_home + "/libvirt/qemu/swtpm";
}

std::string Places::images_folder(Side side) const {
  return side == Side::system ? "/var/lib/libvirt/images" : data_home + "/libvirt/images";
}

SideAccess::SideAccess(Side side, ConnectPtr connection) : side_(side), connection_(std::move(connection)) {
  if (side == Side::system) volumes_ = std::make_unique<VolumeFiles>(connection_.get());
}

Result<std::unique_ptr<SideAccess>> SideAccess::open(Side side) {
  setenv("LIBVIRT_AUTOSTART", "0", 1);
  const PasswordAgent agent(side == Side::system);
  ConnectPtr connection(virConnectOpen(uri_of(side).c_str()));
  if (!connection) {
    const auto error = take_last_error();
    return Error{is_denied(error) ? ErrorCode::access_denied : ErrorCode::libvirt_unavailable, error.message};
  }
  return std::make_unique<SideAccess>(side, std::move(connection));
}

Files& SideAccess::reader_of(const std::string& path) {
  if (!volumes_ || access(path.c_str(), R_OK) == 0) return local_;
  return *volumes_;
}

Files& SideAccess::files() {
  if (volumes_) return *volumes_;
  return local_;
}

Result<DomainPtr> SideAccess::find(const std::string& vm) const {
  DomainPtr domain(virDomainLookupByName(connection(), vm.c_str()));
  if (domain) return domain;
  const auto error = take_last_error();
  if (!is_no_domain(error)) return to_error(error, connection());
  // What is no uuid is an invalid argument.
  domain.reset(virDomainLookupByUUIDString(connection(), vm.c_str()));
  virResetLastError();
  return domain;
}

Result<DomainPtr> SideAccess::find_uuid(const std::string& uuid) const {
  DomainPtr domain(virDomainLookupByUUIDString(connection(), uuid.c_str()));
  if (domain) return domain;
  const auto error = take_last_error();
  if (!is_no_domain(error)) return to_error(error, connection());
  return domain;
}

Result<std::vector<DomainPtr>> SideAccess::domains() const {
  virDomainPtr* listed = nullptr;
  const int count = virConnectListAllDomains(connection(), &listed, 0);
  if (count < 0) return last_error(connection());
  std::vector<DomainPtr> found;
  for (int i = 0; i < count; ++i) found.emplace_back(listed[i]);
  std::free(listed);
  return found;
}

}  // namespace virtsession::move
