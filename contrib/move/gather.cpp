// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gather.hpp"

#include "doctor/run_program.hpp"
#include "domain_tree.hpp"
#include "libvirt/error.hpp"
#include "libvirt/snapshot.hpp"
#include "util/files.hpp"

#include <libvirt/virterror.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxChain = 200;  // libvirt's own limit is 200, too

Result<std::vector<Snapshot>> snapshots_of(virDomainPtr domain) {
  virDomainSnapshotPtr* listed = nullptr;
  const int count = virDomainListAllSnapshots(domain, &listed, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
  if (count < 0) return last_error(domain);
  std::vector<SnapshotPtr> all(listed, listed + count);
  std::free(listed);
  std::vector<Snapshot> found;
  for (const auto& snapshot : all) {
    const CString xml(virDomainSnapshotGetXMLDesc(snapshot.get(), VIR_DOMAIN_SNAPSHOT_XML_SECURE));
    if (!xml) return last_error(domain);
    found.push_back(
        {virDomainSnapshotGetName(snapshot.get()), xml.get(), virDomainSnapshotIsCurrent(snapshot.get(), 0) == 1});
  }
  return found;
}

Result<std::vector<Snapshot>> checkpoints_of(virDomainPtr domain) {
  virDomainCheckpointPtr* listed = nullptr;
  const int count = virDomainListAllCheckpoints(domain, &listed, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
  std::vector<Snapshot> found;
  if (count < 0) {
    const auto error = take_last_error();
    return is_not_supported(error) ? Result<std::vector<Snapshot>>(found) : to_error(error, nullptr);
  }
  std::vector<CheckpointPtr> all(listed, listed + count);
  std::free(listed);
  for (const auto& checkpoint : all) {
    const CString xml(virDomainCheckpointGetXMLDesc(checkpoint.get(), VIR_DOMAIN_CHECKPOINT_XML_SECURE));
    if (!xml) return last_error(domain);
    found.push_back({virDomainCheckpointGetName(checkpoint.get()), xml.get(), false});
  }
  return found;
}

std::map<std::string, std::string> resolve_volumes(virConnectPtr connection, const std::string& xml) {
  std::map<std::string, std::string> paths;
  for (const auto& [pool_name, volume_name] : volumes_of(xml)) {
    const PoolPtr pool(virStoragePoolLookupByName(connection, pool_name.c_str()));
    const VolumePtr volume(pool ? virStorageVolLookupByName(pool.get(), volume_name.c_str()) : nullptr);
    const CString path(volume ? virStorageVolGetPath(volume.get()) : nullptr);
    if (path) paths[pool_name + "/" + volume_name] = path.get();
  }
  virResetLastError();
  return paths;
}

/// Looks at files and at all that they stand on. \return whether that is all: false when one that is there cannot be
/// read, or names what it stands on in a way that is not followed
Result<bool> follow(SideAccess& side, std::vector<NamedFile> wanted, std::map<std::string, FileFacts>& files) {
  bool is_all = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto [path, format] = wanted[i];  // a copy: it grows
    if (files.contains(path)) continue;
    if (files.size() == kMaxChain) return false;
    auto looked = look_at(side, path);
    if (!looked) return looked.error();
    auto& seen = files[path] = std::move(looked).value();
    seen.image = as_named(std::move(seen.image), format);
    if (seen.kind == FileFacts::Kind::unreadable || !seen.image.fault.empty()) is_all = false;
    const auto& backing = seen.image.backing;
    if (backing.starts_with("json:") || backing.starts_with("file:")) is_all = false;
    if (is_plain_name(backing))
      wanted.push_back({(fs::path(path).parent_path() / backing).lexically_normal(), seen.image.backing_format});
  }
  return is_all;
}

Result<void> look_at_files(SideAccess& side, SourceFacts& facts) {
  auto wanted = files_of(facts.xml, facts.volumes, facts.nvram_folder, facts.name);
  for (const auto& name : facts.tpm_files) wanted.push_back({facts.tpm_folder + "/" + name, "raw"});
  const auto followed = follow(side, std::move(wanted), facts.files);
  return followed ? Result<void>() : followed.error();
}

Result<void> find_tpm(SideAccess& side, const std::string& folder, SourceFacts& facts) {
  if (facts.xml.find("<tpm") == std::string::npos) return {};
  for (const char* version : {"tpm2", "tpm1.2"}) {
    facts.tpm_folder = folder + "/" + facts.uuid + "/" + version;
    const auto names = side.files().names(facts.tpm_folder);
    if (!names) return names.error();
    for (const auto& name : *names)
      if (!name.starts_with('.')) facts.tpm_files.push_back(name);
    if (!facts.tpm_files.empty()) return {};
  }
  return {};
}

/// Name to the files that its definition names, of every VM but one.
Result<std::map<std::string, std::vector<NamedFile>>> files_of_others(SideAccess& side, const std::string& uuid,
                                                                      const std::string& nvram_folder) {
  const auto domains = side.domains();
  if (!domains) return domains.error();
  std::map<std::string, std::vector<NamedFile>> others;
  for (const auto& domain : *domains) {
    if (uuid_of(domain.get()) == uuid) continue;
    const std::string name = virDomainGetName(domain.get());
    auto files = files_named_by(domain.get(), nvram_folder);
    if (!files && files.error().code == ErrorCode::no_such_vm) continue;  // gone meanwhile
    if (!files) return files.error();
    others[name] = std::move(files).value();
  }
  return others;
}

Result<void> look_at_others(SideAccess& side, SourceFacts& facts) {
  auto others = files_of_others(side, facts.uuid, facts.nvram_folder);
  if (!others) return others.error();
  for (const auto& [name, named] : *others) {
    std::map<std::string, FileFacts> files;
    const auto is_all = follow(side, named, files);
    if (!is_all) return is_all.error();
    if (!*is_all) facts.others_are_known = false;
    auto& used = facts.others[name];
    for (const auto& [path, _] : files) used.insert(path);
  }
  return {};
}

Result<SourceFacts> look_at_source(SideAccess& side, virDomainPtr domain, const Places& places) {
  SourceFacts facts;
  facts.name = virDomainGetName(domain);
  facts.uuid = uuid_of(domain);
  const auto xml = definition_of(domain);
  if (!xml) return xml.error();
  facts.xml = *xml;
  facts.active = virDomainIsActive(domain) == 1;
  facts.persistent = virDomainIsPersistent(domain) == 1;
  facts.managed_save = virDomainHasManagedSaveImage(domain, 0) == 1;
  int autostart = 0;
  virDomainGetAutostart(domain, &autostart);
  facts.autostart = autostart == 1;
  facts.nvram_folder = places.nvram_folder(side.side());
  facts.volumes = resolve_volumes(side.connection(), facts.xml);
  auto snapshots = snapshots_of(domain);
  if (!snapshots) return snapshots.error();
  facts.snapshots = std::move(snapshots).value();
  auto checkpoints = checkpoints_of(domain);
  if (!checkpoints) return checkpoints.error();
  facts.checkpoints = std::move(checkpoints).value();
  if (auto seen = look_at_others(side, facts); !seen) return seen.error();
  if (auto found = find_tpm(side, places.tpm_folder(side.side()), facts); !found) return found.error();
  if (auto seen = look_at_files(side, facts); !seen) return seen.error();
  return facts;
}

void read_capabilities(virConnectPtr connection, const std::string& source_xml, TargetFacts& facts) {
  const CString text(virConnectGetCapabilities(connection));
  const auto capabilities = parse_definition(text ? text.get() : "");
  const auto source = parse_definition(source_xml);
  virResetLastError();
  if (!capabilities || !source) return;
  const auto* domain = xmlDocGetRootElement(source->get());
  const auto arch = attribute_at(domain, "os/type", "arch"), emulator = text_at(domain, "devices/emulator");
  facts.kvm = false;
  for (const auto* guest : children(xmlDocGetRootElement(capabilities->get()), "guest")) {
    const auto* found = child(guest, "arch");
    if (!found || attribute(found, "name") != arch) continue;
    std::vector<const xmlNode*> groups{found};
    for (const auto* type : children(found, "domain")) {
      if (attribute(type, "type") == "kvm") facts.kvm = true;
      groups.push_back(type);
    }
    if (!emulator.empty() && text_at(found, "emulator") != emulator) continue;  // its machines are not known
    for (const auto* group : groups)
      for (const auto* machine : children(group, "machine")) {
        facts.machines.insert(text_of(machine).value_or(""));
        if (const auto canonical = attribute(machine, "canonical")) facts.machines.insert(*canonical);
      }
  }
}

bool is_writable(const std::string& path) {
  if (access(path.c_str(), W_OK) == 0) return true;
  return access(path.c_str(), F_OK) < 0 && access(fs::path(path).parent_path().c_str(), W_OK) == 0;
}

std::vector<std::string> random_macs(std::size_t count) {
  std::random_device random;
  std::uniform_int_distribution<unsigned> byte(0, 255);
  std::vector<std::string> macs;
  for (std::size_t i = 0; i < count; ++i) {
    char text[18];
    std::snprintf(text, sizeof text, "52:54:00:%02x:%02x:%02x", byte(random), byte(random), byte(random));
    macs.emplace_back(text);
  }
  return macs;
}

std::string random_uuid() {
  const auto text = read_file("/proc/sys/kernel/random/uuid");
  return text && *text ? (*text)->substr(0, (*text)->find('\n')) : std::string();
}

Result<TargetFacts> look_at_target(SideAccess& side, const Request& request, const Places& places,
                                   const SourceFacts& source) {
  TargetFacts facts;
  const auto domains = side.domains();
  if (!domains) return domains.error();
  for (const auto& domain : *domains) facts.domains[virDomainGetName(domain.get())] = uuid_of(domain.get());
  unsigned long version = 0;
  virConnectGetLibVersion(side.connection(), &version);
  facts.libvirt_version = version;
  read_capabilities(side.connection(), source.xml, facts);
  facts.passt = !find_program("passt", {"/usr/local/bin", "/usr/bin", "/bin"}).empty();
  facts.images_folder = request.to.empty() ? places.images_folder(side.side()) : request.to;
  const auto names = side.files().names(facts.images_folder);
  if (!names) return names.error();
  facts.image_names = *names;
  facts.free_bytes = side.files().free_bytes(facts.images_folder);
  facts.nvram_folder = places.nvram_folder(side.side());
  facts.tpm_folder = places.tpm_folder(side.side());
  auto others = files_of_others(side, request.copy ? "" : source.uuid, facts.nvram_folder);
  if (!others) return others.error();
  for (const auto& [name, files] : *others) facts.others[name] = paths_of(files);
  for (const auto& path : written_paths_of(source.xml)) {
    const bool generated = path.find("/libvirt/qemu/") != std::string::npos;
    if (side.side() == Side::system ? !generated : is_writable(path)) facts.writable.insert(path);
  }
  facts.user = places.user;
  facts.fresh_uuid = random_uuid();
  facts.fresh_macs = random_macs(32);
  return facts;
}

}  // namespace

Result<FileFacts> look_at(SideAccess& side, const std::string& path) {
  auto local = side.local().look(path);
  if (!local || local->kind != FileFacts::Kind::unreadable || !side.volumes()) return local;
  return side.volumes()->look(path);
}

Result<std::vector<NamedFile>> files_named_by(virDomainPtr domain, const std::string& nvram_folder) {
  std::vector<NamedFile> files;
  // One that runs may have other disks now than at its next start.
  for (const unsigned flags : {unsigned{VIR_DOMAIN_XML_INACTIVE}, 0U}) {
    const CString xml(virDomainGetXMLDesc(domain, flags));
    if (!xml) return last_error(domain);
    const auto volumes = resolve_volumes(virDomainGetConnect(domain), xml.get());
    std::ranges::move(files_of(xml.get(), volumes, nvram_folder, virDomainGetName(domain)), std::back_inserter(files));
  }
  return files;
}

Result<std::string> definition_of(virDomainPtr domain) {
  const CString xml(virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
  if (!xml) return last_error(domain);
  return std::string(xml.get());
}

Result<Facts> gather_facts(const Request& request, const Places& places, SideAccess& source, virDomainPtr domain,
                           SideAccess& target) {
  Facts facts;
  auto from = look_at_source(source, domain, places);
  if (!from) return from.error();
  facts.source = std::move(from).value();
  auto to = look_at_target(target, request, places, facts.source);
  if (!to) return to.error();
  facts.target = std::move(to).value();
  return facts;
}

}  // namespace virtsession::move
