// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "domain_tree.hpp"
#include "plan.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>

namespace virtsession::move {

/// What the rows of the table work on: one definition of the domain, the VM's own or one inside a snapshot. The rows
/// change its XML; what they find is reported once, of the VM's own.
struct Planning {
  const Request& request;
  const Facts& facts;
  Plan& plan;
  xmlNode* domain = nullptr;
  bool inside_snapshot = false;
  std::map<std::string, std::string> moved = {};  ///< file of the source to file of the target
  std::set<std::string> taken = {};               ///< names in the target's folder
  nlohmann::json policy = nlohmann::json::object();

  bool to_session() const { return request.from == Side::system; }
  Side target() const { return other(request.from); }
  xmlNode* devices() const { return at_path(domain, "devices"); }
  /// "virsh -c qemu:///system VERB NAME"
  std::string virsh(const std::string& verb) const;

  void keep(const std::string& what, const std::string& text, const std::string& command = {});
  void lose(const std::string& what, const std::string& text, const std::string& command = {});
  void block(const std::string& what, const std::string& text, const std::string& command = {});

  /// Plans a file of the source and those below it. \return where it will be; nothing when something blocks
  std::optional<std::string> move_file(const std::string& what, const std::string& path, FileKind kind);
  /// Whether QEMU on the other side can read the file where it is.
  bool is_reachable(const std::string& path) const;
  const FileFacts* file(const std::string& path) const;
  /// Whether another VM of the source uses the file, or may.
  bool is_used_by_others(const std::string& path) const;

 private:
  std::string free_name(const std::string& path);
  bool is_movable(const std::string& what, const std::string& path, const FileFacts& facts);
};

/// The files that a domain's devices, firmware and kernel have.
/// @{
std::string disk_path(const xmlNode* disk, const std::map<std::string, std::string>& volumes);
/// Where libvirt keeps the firmware's variables; empty without such a firmware. \param is_default not written in the
/// XML
std::string nvram_path(const xmlNode* domain, const std::string& folder, const std::string& name, bool* is_default);
std::vector<xmlNode*> boot_files(const xmlNode* domain);
/// @}

/// The rows, by file.
/// @{
void plan_state(Planning& planning);
void plan_identity(Planning& planning);
void plan_machine(Planning& planning);
void plan_disks(Planning& planning);
void plan_boot_files(Planning& planning);
void plan_nvram(Planning& planning);
void plan_tpm(Planning& planning);
void plan_networks(Planning& planning);
void plan_cpu_limits(Planning& planning);
void plan_memory_limits(Planning& planning);
void plan_io_limits(Planning& planning);
void plan_memory_backing(Planning& planning);
void plan_security(Planning& planning);
void plan_host_devices(Planning& planning);
void plan_folders(Planning& planning);
void plan_sockets(Planning& planning);
void plan_other_devices(Planning& planning);
void plan_arguments(Planning& planning);
/// @}

}  // namespace virtsession::move
