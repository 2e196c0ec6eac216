// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"
#include "util/shell_word.hpp"

#include <algorithm>
#include <filesystem>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

void eject(Planning& planning, xmlNode* disk, const std::string& what, const std::string& path) {
  const auto target = attribute_at(disk, "target", "dev");
  remove_children(disk, "source");
  set_attribute(disk, "type", "file");
  planning.lose(what,
                (path.empty() ? "what is in it" : path) + " cannot be read on the other side: the drive is empty then",
                "virsh -c " + uri_of(planning.target()) + " change-media " + shell_word(planning.plan.name) + " " +
                    target + " FILE.iso --insert --config");
}

/// What is not a file: \return false when it was dealt with
bool is_file_disk(Planning& planning, const xmlNode* disk, const std::string& what) {
  const auto type = attribute(disk, "type").value_or("file");
  if (type == "file" || type == "volume") return true;
  if (type == "network") {
    if (at_path(disk, "auth") || at_path(disk, "source/auth"))
      planning.block(what, "its server wants a password, which is a secret of " + uri_of(planning.request.from));
    else
      planning.keep(what, "is on a server, and is used from there as before");
    return false;
  }
  planning.block(what,
                 type == "block"
                     ? attribute_at(disk, "source", "dev") + " is a block device, which stays with the system"
                     : "a disk of type " + type + " has no file that could be moved",
                 type == "block" ? "qemu-img convert -O qcow2 " + shell_word(attribute_at(disk, "source", "dev")) +
                                       " FILE.qcow2   # as root, then use the file"
                                 : "");
  return false;
}

void plan_disk(Planning& planning, xmlNode* disk) {
  const auto device = attribute(disk, "device").value_or("disk");
  const bool removable = device == "cdrom" || device == "floppy";
  const auto what = (removable ? device : "disk") + " " + attribute_at(disk, "target", "dev");
  remove_children(disk, "backingStore");  // the image's header says it
  remove_children(disk, "mirror");
  auto* source = child_to_change(disk, "source");
  if (!source) return;
  remove_attribute(source, "index");
  const auto path = disk_path(disk, planning.facts.source.volumes);
  if (removable) {
    if (attribute(disk, "type") == "network" || planning.is_reachable(path)) return;
    eject(planning, disk, what, path);
    return;
  }
  if (!is_file_disk(planning, disk, what)) return;
  if (at_path(disk, "encryption") || at_path(disk, "source/encryption"))
    return planning.block(what, "is encrypted, and its password is a secret of " + uri_of(planning.request.from));
  if (path.empty()) return planning.block(what, "its volume is not found in any storage pool");
  if (attribute(disk, "rawio") && planning.to_session()) remove_attribute(disk, "rawio");
  const auto to = planning.move_file(what, path, FileKind::disk);
  if (!to) return;
  for (const char* name : {"pool", "volume", "mode"}) remove_attribute(source, name);
  set_attribute(disk, "type", "file");
  set_attribute(source, "file", *to);
}

}  // namespace

std::string disk_path(const xmlNode* disk, const std::map<std::string, std::string>& volumes) {
  const auto type = attribute(disk, "type").value_or("file");
  if (type == "file") return attribute_at(disk, "source", "file");
  if (type != "volume") return {};
  const auto found = volumes.find(attribute_at(disk, "source", "pool") + "/" + attribute_at(disk, "source", "volume"));
  return found == volumes.end() ? std::string() : found->second;
}

void plan_disks(Planning& planning) {
  for (auto* disk : children(planning.devices(), "disk")) plan_disk(planning, disk);
}

std::vector<xmlNode*> boot_files(const xmlNode* domain) {
  std::vector<xmlNode*> files;
  for (const char* path : {"os/loader", "os/kernel", "os/initrd", "os/dtb", "os/acpi/table"})
    if (auto* file = at_path(domain, path); file && !text_of(file).value_or("").empty()) files.push_back(file);
  return files;
}

void plan_boot_files(Planning& planning) {
  for (auto* file : boot_files(planning.domain)) {
    const auto path = text_of(file).value_or("");
    const std::string what(reinterpret_cast<const char*>(file->name));
    if (!path.starts_with('/') || planning.is_reachable(path)) continue;
    if (const auto to = planning.move_file(what, path, FileKind::boot_file)) set_text(file, *to);
  }
}

std::string nvram_path(const xmlNode* domain, const std::string& folder, const std::string& name, bool* is_default) {
  const auto* nvram = at_path(domain, "os/nvram");
  auto written = nvram ? text_of(nvram).value_or("") : std::string();
  if (nvram && child(nvram, "source")) written = attribute_at(nvram, "source", "file");
  if (is_default) *is_default = written.empty();
  if (!written.empty()) return written;
  const bool firmware =
      attribute_at(domain, "os", "firmware") == "efi" || attribute_at(domain, "os/loader", "type") == "pflash";
  if (!firmware || attribute_at(domain, "os/loader", "stateless") == "yes") return {};
  const bool qcow2 =
      attribute_at(domain, "os/nvram", "format") == "qcow2" || attribute_at(domain, "os/loader", "format") == "qcow2";
  return folder + "/" + name + "_VARS." + (qcow2 ? "qcow2" : "fd");
}

void plan_nvram(Planning& planning) {
  auto* nvram = at_path(planning.domain, "os/nvram");
  const auto type = nvram ? attribute(nvram, "type").value_or("file") : "file";
  if (type != "file")
    return planning.block("firmware variables", "lie on a " + type + " device, which stays with the system");
  bool is_default = false;
  const auto& source = planning.facts.source;
  const auto path = nvram_path(planning.domain, source.nvram_folder, source.name, &is_default);
  if (path.empty()) return;
  const auto to = planning.facts.target.nvram_folder + "/" + fs::path(path).filename().string();
  if (!is_default) {
    if (auto* inner = child_to_change(nvram, "source"))
      set_attribute(inner, "file", to);
    else
      set_text(nvram, to);
  }
  if (planning.inside_snapshot) return;
  planning.plan.nvram = to;
  for (const auto& [other, files] : planning.facts.target.others)
    if (std::ranges::find(files, to) != files.end())
      return planning.block("firmware variables",
                            "\"" + other + "\" in " + uri_of(planning.target()) + " has its own at " + to +
                                ": one of the two needs a file of another name",
                            planning.virsh("edit") + "   # <nvram>, after its file was copied to that name");
  const auto* found = planning.file(path);
  if (!found || found->kind == FileFacts::Kind::missing) return;  // it was never started: they are made then
  if (found->kind != FileFacts::Kind::file)
    return planning.block("firmware variables",
                          path + " cannot be read" + (found->reason.empty() ? std::string() : ": " + found->reason));
  planning.plan.files.push_back({.kind = FileKind::nvram,
                                 .from = path,
                                 .to = to,
                                 .size = found->size,
                                 .allocated = found->allocated,
                                 .changed = found->changed,
                                 .format = found->image.format,
                                 .replaces = true,
                                 .shared = planning.is_used_by_others(path)});
}

void plan_tpm(Planning& planning) {
  const auto* tpm = at_path(planning.domain, "devices/tpm");
  if (!tpm || planning.inside_snapshot) return;
  const auto type = attribute_at(tpm, "backend", "type");
  if (type != "emulator")
    return planning.block("TPM", type == "passthrough" ? "it is the machine's own, which a session cannot have"
                                                       : "a TPM of type " + type + " has no state that could be moved");
  if (at_path(tpm, "backend/encryption"))
    return planning.block("TPM",
                          "its state is encrypted, and the password is a secret of " + uri_of(planning.request.from));
  if (at_path(tpm, "backend/source")) return planning.block("TPM", "its state lies at a path of its own");
  planning.plan.tpm_folder = planning.facts.target.tpm_folder + "/" + planning.plan.uuid;
  const auto& source = planning.facts.source;
  const auto version = fs::path(source.tpm_folder).filename().string();
  for (const auto& name : source.tpm_files) {
    const auto from = source.tpm_folder + "/" + name;
    const auto* found = planning.file(from);
    if (!found || found->kind != FileFacts::Kind::file) {
      planning.block("TPM", "its state " + from + " cannot be read");
      continue;
    }
    planning.plan.files.push_back({.kind = FileKind::tpm,
                                   .from = from,
                                   .to = planning.plan.tpm_folder + "/" + version + "/" + name,
                                   .size = found->size,
                                   .allocated = found->allocated,
                                   .changed = found->changed,
                                   .format = "raw",
                                   .replaces = true});
  }
}

}  // namespace virtsession::move
