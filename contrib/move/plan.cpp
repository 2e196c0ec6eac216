// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan.hpp"

#include "doctor/words.hpp"
#include "planning.hpp"
#include "policy_element.hpp"

#include <algorithm>
#include <array>

namespace virtsession::move {
namespace {

struct Row {
  const char* kind;
  void (*apply)(Planning&);
  bool also_in_snapshots;  ///< a snapshot has definitions of its own, which must fit as well
};

/// One row for each kind of thing in a definition, in the order in which they are reported.
constexpr std::array kRows{
    Row{"state", plan_state, false},
    Row{"name, uuid, MAC addresses", plan_identity, true},
    Row{"machine, accelerator", plan_machine, false},
    Row{"disks, CDs, backing files", plan_disks, true},
    Row{"kernel, initrd, firmware files", plan_boot_files, true},
    Row{"firmware variables", plan_nvram, true},
    Row{"TPM", plan_tpm, true},
    Row{"network cards", plan_networks, true},
    Row{"cputune", plan_cpu_limits, true},
    Row{"memtune", plan_memory_limits, true},
    Row{"blkiotune", plan_io_limits, true},
    Row{"memoryBacking, resource", plan_memory_backing, true},
    Row{"seclabel", plan_security, true},
    Row{"devices of the host", plan_host_devices, true},
    Row{"shared folders", plan_folders, true},
    Row{"sockets, logs, serial ports", plan_sockets, true},
    Row{"other devices", plan_other_devices, true},
    Row{"QEMU's own arguments", plan_arguments, false},
};

void apply_rows(Planning& planning) {
  for (const auto& row : kRows)
    if (!planning.inside_snapshot || row.also_in_snapshots) row.apply(planning);
}

std::vector<std::string> external_disks(const xmlNode* snapshot) {
  std::vector<std::string> names;
  for (const auto* disk : children(at_path(snapshot, "disks"), "disk"))
    if (attribute(disk, "snapshot") == "external") names.push_back(attribute(disk, "name").value_or("DISK"));
  return names;
}

bool is_external(const xmlNode* snapshot) {
  return attribute_at(snapshot, "memory", "snapshot") == "external" || child(snapshot, "revertDisks") ||
         !external_disks(snapshot).empty();
}

/// One layer of each disk that the snapshot split, and never more: what lies below may be a template of other VMs.
std::string merge_command(const Planning& planning, const std::string& snapshot, const xmlNode* root) {
  const auto forget = planning.virsh("snapshot-delete") + " " + shell_word(snapshot) + " --metadata";
  std::string commands;
  for (const auto& disk : external_disks(root))
    commands += (commands.empty() ? "" : "; ") + planning.virsh("blockcommit") + " " + shell_word(disk) +
                " --active --shallow --pivot --wait";
  return commands.empty() ? forget : commands + "   # while it runs, once for each external snapshot; then " + forget;
}

/// Snapshots and checkpoints: what they are of lies in the disks; their own XML has definitions inside.
void plan_kept_states(Planning& planning, const std::vector<Snapshot>& from, std::vector<Snapshot>& to,
                      const std::string& kind) {
  for (const auto& snapshot : from) {
    const auto what = kind + " " + snapshot.name;
    const auto document = parse_definition(snapshot.xml);
    if (!document) {
      planning.block(what, "its XML cannot be read: " + document.error().message);
      continue;
    }
    const auto* root = xmlDocGetRootElement(document->get());
    if (is_external(root)) {
      planning.block(what, "it is external: spread over several files, which libvirt does not follow to another place",
                     merge_command(planning, snapshot.name, root));
      continue;
    }
    planning.inside_snapshot = true;
    auto* const own = planning.domain;
    for (const char* name : {"domain", "inactiveDomain"})
      for (auto* domain : children(root, name)) {
        planning.domain = domain;
        apply_rows(planning);
      }
    planning.domain = own;
    planning.inside_snapshot = false;
    to.push_back({snapshot.name, to_text(root), snapshot.current});
  }
}

void check_room(Planning& planning) {
  const auto free = planning.facts.target.free_bytes;
  const auto wanted = planning.plan.bytes();
  if (!free || wanted <= *free) return;
  planning.block("room",
                 "there is not enough in " + planning.facts.target.images_folder + ": " + size_text(wanted) +
                     " are needed, and " + size_text(*free) + " are free",
                 "virtsessionctl move " + shell_word(planning.plan.name) + " --to FOLDER");
}

}  // namespace

std::uint64_t Plan::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.allocated;
  return sum;
}

Result<Plan> make_plan(const Request& request, const Facts& facts) {
  auto document = parse_definition(facts.source.xml);
  if (!document) return Error{ErrorCode::operation_failed, "The VM's XML is unusable: " + document.error().message};
  auto* root = xmlDocGetRootElement(document->get());
  if (!is_element(root, "domain")) return Error{ErrorCode::operation_failed, "The VM's XML is not of a domain"};

  Plan plan;
  plan.name = facts.source.name;
  plan.uuid = request.copy ? facts.target.fresh_uuid : facts.source.uuid;
  plan.autostart = facts.source.autostart && !request.copy;
  Planning planning{.request = request, .facts = facts, .plan = plan, .domain = root};
  planning.taken = facts.target.image_names;
  apply_rows(planning);
  add_policy(root, planning.policy);
  plan.xml = to_text(root);
  plan_kept_states(planning, facts.source.snapshots, plan.snapshots, "snapshot");
  plan_kept_states(planning, facts.source.checkpoints, plan.checkpoints, "checkpoint");
  check_room(planning);
  return plan;
}

std::vector<NamedFile> files_of(const std::string& xml, const std::map<std::string, std::string>& volumes,
                                const std::string& nvram_folder, const std::string& name) {
  const auto format_at = [](const xmlNode* parent, const char* path, const char* attribute) {
    const auto format = attribute_at(parent, path, attribute);
    return format.empty() ? std::string("raw") : format;  // as libvirt takes it
  };
  std::vector<NamedFile> files;
  const auto document = parse_definition(xml);
  if (!document) return files;
  const auto* root = xmlDocGetRootElement(document->get());
  for (const auto* disk : children(at_path(root, "devices"), "disk"))
    if (auto path = disk_path(disk, volumes); !path.empty())
      files.push_back({std::move(path), format_at(disk, "driver", "type")});
  for (const auto* file : boot_files(root)) files.push_back({text_of(file).value_or(""), "raw"});
  if (auto path = nvram_path(root, nvram_folder, name, nullptr); !path.empty())
    files.push_back({std::move(path), format_at(root, "os/nvram", "format")});
  return files;
}

std::vector<std::string> paths_of(const std::vector<NamedFile>& files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const auto& file : files) paths.push_back(file.path);
  return paths;
}

std::vector<std::pair<std::string, std::string>> volumes_of(const std::string& xml) {
  std::vector<std::pair<std::string, std::string>> volumes;
  const auto document = parse_definition(xml);
  if (!document) return volumes;
  for (const auto* disk : children(at_path(xmlDocGetRootElement(document->get()), "devices"), "disk"))
    if (attribute(disk, "type") == "volume")
      volumes.emplace_back(attribute_at(disk, "source", "pool"), attribute_at(disk, "source", "volume"));
  return volumes;
}

}  // namespace virtsession::move
