// SPDX-License-Identifier: LGPL-2.1-or-later
#include "volumes.hpp"

#include "domain_tree.hpp"
#include "libvirt/error.hpp"
#include "sync_file_system.hpp"

#include <libvirt/virterror.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPacket = std::size_t{256} * 1024;  // libvirt sends a stream in packets of this size
constexpr const char* kPoolPrefix = "virtsession-move-";
constexpr std::chrono::seconds kPatience{10};  // with a volume that somebody just let go of

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }
std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

std::uint64_t number_at(const xmlNode* node, const char* path) {
  return std::strtoull(text_at(node, path).c_str(), nullptr, 10);
}

std::string octal(unsigned mode) {
  std::string text;
  for (unsigned rest = mode & 07777U; rest != 0; rest /= 8)
    text.insert(text.begin(), static_cast<char>('0' + rest % 8));
  return "0" + text;
}

/// XML of a name and a path, with everything in it escaped.
std::string pool_xml(const std::string& name, const std::string& folder, const Ownership* owner) {
  auto document = parse_definition("<pool type='dir'/>");
  auto* root = xmlDocGetRootElement(document->get());
  add_child(root, "name", name);
  auto* target = add_child(root, "target");
  add_child(target, "path", folder);
  if (owner) {
    auto* permissions = add_child(target, "permissions");
    add_child(permissions, "mode", octal(owner->mode));
    add_child(permissions, "owner", std::to_string(owner->uid));
    add_child(permissions, "group", std::to_string(owner->gid));
  }
  return to_text(root);
}

std::string volume_xml(const std::string& name, const Ownership* owner) {
  auto document = parse_definition("<volume/>");
  auto* root = xmlDocGetRootElement(document->get());
  add_child(root, "name", name);
  add_child(root, "capacity", "0");
  auto* target = add_child(root, "target");
  set_attribute(add_child(target, "format"), "type", "raw");
  auto* permissions = add_child(target, "permissions");
  add_child(permissions, "mode", owner ? octal(owner->mode) : "0600");
  if (owner) {
    add_child(permissions, "owner", std::to_string(owner->uid));
    add_child(permissions, "group", std::to_string(owner->gid));
  }
  return to_text(root);
}

/// The XML's root stays with its document.
Result<XmlDocument> describe(virStorageVolPtr volume) {
  const CString xml(virStorageVolGetXMLDesc(volume, 0));
  if (!xml) return last_error(virStorageVolGetConnect(volume));
  return parse_definition(xml.get());
}

std::string target_of(virStoragePoolPtr pool) {
  const CString xml(virStoragePoolGetXMLDesc(pool, 0));
  if (!xml) return {};
  const auto document = parse_definition(xml.get());
  if (!document) return {};
  auto path = text_at(xmlDocGetRootElement(document->get()), "target/path");
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::vector<PoolPtr> all_pools(virConnectPtr connection) {
  virStoragePoolPtr* listed = nullptr;
  const int count = virConnectListAllStoragePools(connection, &listed, 0);
  std::vector<PoolPtr> pools;
  for (int i = 0; i < count; ++i) pools.emplace_back(listed[i]);
  std::free(listed);
  virResetLastError();
  return pools;
}

std::string new_pool_name(std::size_t count) {
  return kPoolPrefix + std::to_string(getpid()) + "-" + std::to_string(count);
}

/// Whether a move made a pool of this name, and was killed. Other users may move VMs at this moment.
bool is_left_behind(std::string_view name) {
  if (!name.starts_with(kPoolPrefix)) return false;
  name.remove_prefix(std::string_view(kPoolPrefix).size());
  pid_t pid = 0;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), pid).ptr;
  return pid > 0 && end != name.data() + name.size() && *end == '-' && kill(pid, 0) < 0 && errno == ESRCH;
}

class VolumeWriter final : public Writer {
 public:
  VolumeWriter(virConnectPtr connection, std::string path, StreamPtr stream)
      : connection_(connection), path_(std::move(path)), stream_(std::move(stream)) {}
  ~VolumeWriter() override {
    if (stream_) virStreamAbort(stream_.get());
    virResetLastError();
  }

  Result<void> write(std::uint64_t offset, std::string_view data) override {
    if (auto skipped = skip_to(offset); !skipped) return skipped;
    while (!data.empty()) {
      const auto sent = virStreamSend(stream_.get(), data.data(), std::min(data.size(), kPacket));
      if (sent < 0) return last_error(connection_);
      data.remove_prefix(static_cast<std::size_t>(sent));
      at_ += static_cast<std::uint64_t>(sent);
    }
    return {};
  }

  Result<void> finish(std::uint64_t size) override {
    if (auto skipped = skip_to(size); !skipped) return skipped;
    const int ended = virStreamFinish(stream_.get());
    if (ended < 0) {
      const auto error = take_last_error();
      return Error{ErrorCode::operation_failed, "Failed to write " + path_ + ": " + error.message};
    }
    stream_.reset();
    return sync_file_system_of(path_);
  }

 private:
  Result<void> skip_to(std::uint64_t offset) {
    if (offset <= at_) return {};
    if (virStreamSendHole(stream_.get(), static_cast<long long>(offset - at_), 0) < 0) return last_error(connection_);
    at_ = offset;
    return {};
  }

  virConnectPtr connection_;
  std::string path_;
  StreamPtr stream_;
  std::uint64_t at_ = 0;
};

}  // namespace

VolumeFiles::~VolumeFiles() {
  for (auto& [_, pool] : pools_)
    if (pool.is_ours) virStoragePoolDestroy(pool.pool.get());
  for (const auto& pool : all_pools(connection_))
    if (is_left_behind(virStoragePoolGetName(pool.get()))) virStoragePoolDestroy(pool.get());
  virResetLastError();
}

Result<virStoragePoolPtr> VolumeFiles::pool_of(const std::string& folder) {
  if (const auto found = pools_.find(folder); found != pools_.end()) return found->second.pool.get();
  return open_pool(folder);
}

Result<virStoragePoolPtr> VolumeFiles::open_pool(const std::string& folder) {
  for (auto& pool : all_pools(connection_)) {
    if (target_of(pool.get()) != folder) continue;
    const bool off = virStoragePoolIsActive(pool.get()) != 1;
    if (off && virStoragePoolCreate(pool.get(), 0) < 0) return last_error(connection_);
    virStoragePoolRefresh(pool.get(), 0);
    virResetLastError();
    auto* const opened = pool.get();
    pools_[folder] = {std::move(pool), off};
    return opened;
  }
  const auto name = new_pool_name(pools_.size());
  PoolPtr pool(virStoragePoolCreateXML(connection_, pool_xml(name, folder, nullptr).c_str(), 0));
  if (!pool) {
    const auto error = take_last_error();
    if (error.system_error == ENOENT && error.domain != VIR_FROM_RPC) return static_cast<virStoragePoolPtr>(nullptr);
    return to_error(error, connection_);
  }
  auto* const opened = pool.get();
  pools_[folder] = {std::move(pool), true};
  return opened;
}

Result<void> VolumeFiles::make_folder(const std::string& folder, const Ownership& owner) {
  const auto name = new_pool_name(pools_.size());
  PoolPtr pool(
      virStoragePoolCreateXML(connection_, pool_xml(name, folder, &owner).c_str(), VIR_STORAGE_POOL_CREATE_WITH_BUILD));
  if (!pool) return last_error(connection_);
  pools_[folder] = {std::move(pool), true};
  return {};
}

void VolumeFiles::refresh() {
  for (auto& [_, pool] : pools_) virStoragePoolRefresh(pool.pool.get(), 0);
  virResetLastError();
}

Result<VolumePtr> VolumeFiles::find(const std::string& path) {
  const auto pool = pool_of(folder_of(path));
  if (!pool) return pool.error();
  if (!*pool) return VolumePtr();
  VolumePtr volume(virStorageVolLookupByName(*pool, name_of(path).c_str()));
  if (volume) return volume;
  const auto error = take_last_error();
  if (error.code == VIR_ERR_NO_STORAGE_VOL) return VolumePtr();
  return to_error(error, connection_);
}

Result<FileFacts> VolumeFiles::look(const std::string& path) {
  FileFacts facts;
  const auto volume = find(path);
  if (!volume) {
    if (volume.error().code == ErrorCode::libvirt_unavailable) return volume.error();
    facts.kind = FileFacts::Kind::unreadable;
    facts.reason = volume.error().message;
    return facts;
  }
  if (!*volume) return facts;
  const auto document = describe(volume->get());
  if (!document) return document.error();
  const auto* root = xmlDocGetRootElement(document->get());
  const auto type = attribute(root, "type").value_or("file");
  facts.kind = type == "file"  ? FileFacts::Kind::file
               : type == "dir" ? FileFacts::Kind::folder
                               : FileFacts::Kind::block_device;
  facts.size = number_at(root, "physical");
  facts.allocated = number_at(root, "allocation");
  facts.changed = text_at(root, "target/timestamps/mtime");
  if (facts.kind != FileFacts::Kind::file) return facts;
  const auto begin = head(path, kHeadBytes);
  if (!begin) {
    facts.kind = FileFacts::Kind::unreadable;
    facts.reason = begin.error().message;
    return facts;
  }
  facts.image = read_image_header(*begin);
  return facts;
}

Result<std::set<std::string>> VolumeFiles::names(const std::string& folder) {
  std::set<std::string> found;
  const auto pool = pool_of(folder);
  if (!pool) return pool.error();
  if (!*pool) return found;
  virStorageVolPtr* listed = nullptr;
  const int count = virStoragePoolListAllVolumes(*pool, &listed, 0);
  if (count < 0) return last_error(connection_);
  for (int i = 0; i < count; ++i) {
    const VolumePtr volume(listed[i]);
    found.insert(virStorageVolGetName(volume.get()));
  }
  std::free(listed);
  return found;
}

std::optional<std::uint64_t> VolumeFiles::free_bytes(const std::string& folder) {
  const auto pool = pool_of(folder);
  virStoragePoolInfo info{};
  if (!pool || !*pool || virStoragePoolGetInfo(*pool, &info) < 0) {
    virResetLastError();
    return std::nullopt;
  }
  return info.available;
}

Result<void> VolumeFiles::receive(virStorageVolPtr volume, std::uint64_t length, const Consumer& consumer) {
  const StreamPtr stream(virStreamNew(connection_, 0));
  // A length of 0 is the whole volume.
  if (!stream || virStorageVolDownload(volume, stream.get(), 0, length, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) < 0)
    return last_error(connection_);
  std::string buffer(kPacket, '\0');
  for (std::uint64_t at = 0;;) {
    const int got = virStreamRecvFlags(stream.get(), buffer.data(), buffer.size(), VIR_STREAM_RECV_STOP_AT_HOLE);
    if (got == -3) {
      long long hole = 0;
      if (virStreamRecvHole(stream.get(), &hole, 0) < 0) return last_error(connection_);
      at += static_cast<std::uint64_t>(hole);
      continue;
    }
    if (got < 0) return last_error(connection_);
    if (got == 0) break;
    if (auto taken = consumer(at, {buffer.data(), static_cast<std::size_t>(got)}); !taken) {
      virStreamAbort(stream.get());
      virResetLastError();
      return taken;
    }
    at += static_cast<std::uint64_t>(got);
  }
  if (virStreamFinish(stream.get()) < 0) return last_error(connection_);
  return {};
}

Result<std::string> VolumeFiles::head(const std::string& path, std::size_t bytes) {
  const auto volume = find(path);
  if (!volume) return volume.error();
  if (!*volume) return Error{ErrorCode::operation_failed, "Failed to read " + path + ": it is not there"};
  std::string text;
  const auto received = receive(volume->get(), bytes, [&](std::uint64_t offset, std::string_view data) {
    text.resize(static_cast<std::size_t>(offset));
    text += data;
    return Result<void>();
  });
  if (!received) return received.error();
  return text;
}

Result<void> VolumeFiles::read(const std::string& path, const Consumer& consumer) {
  const auto volume = find(path);
  if (!volume) return volume.error();
  if (!*volume) return Error{ErrorCode::operation_failed, "Failed to read " + path + ": it is not there"};
  return receive(volume->get(), 0, consumer);
}

Result<std::unique_ptr<Writer>> VolumeFiles::create(const std::string& path, const Ownership* owner) {
  auto pool = pool_of(folder_of(path));
  if (pool && !*pool) {
    // QEMU, which is another user than libvirt's daemon, must get to its disks; a TPM's state is nobody else's.
    const auto folder = owner ? Ownership{owner->uid, owner->gid, 0700} : Ownership{0, 0, 0711};
    if (auto made = make_folder(folder_of(path), folder); !made) return made.error();
    pool = pool_of(folder_of(path));
  }
  if (!pool) return pool.error();
  const VolumePtr volume(virStorageVolCreateXML(*pool, volume_xml(name_of(path), owner).c_str(), 0));
  StreamPtr stream(volume ? virStreamNew(connection_, 0) : nullptr);
  if (!stream || virStorageVolUpload(volume.get(), stream.get(), 0, 0, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM) < 0)
    return last_error(connection_);
  return std::unique_ptr<Writer>(std::make_unique<VolumeWriter>(connection_, path, std::move(stream)));
}

Result<void> VolumeFiles::remove(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto volume = find(path);
    if (!volume) return volume.error();
    if (!*volume || virStorageVolDelete(volume->get(), 0) == 0) return {};
    const auto error = last_error(connection_);
    // After a kill the daemon ends the upload by itself, a moment later.
    if (error.code == ErrorCode::libvirt_unavailable || std::chrono::steady_clock::now() > deadline) return error;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    refresh();
  }
}

Result<void> VolumeFiles::remove_unfinished(const std::string& path, bool was_created) {
  if (was_created) return remove(path);
  const auto there = look(path);
  if (!there) return there.error();
  // What others put there is not empty.
  return there->kind == FileFacts::Kind::file && there->size == 0 ? remove(path) : Result<void>();
}

std::optional<Ownership> VolumeFiles::owner(const std::string& path) {
  const auto volume = find(path);
  if (!volume || !*volume) return std::nullopt;
  const auto document = describe(volume->get());
  if (!document) return std::nullopt;
  const auto* permissions = at_path(xmlDocGetRootElement(document->get()), "target/permissions");
  const auto id = [&](const char* name) { return static_cast<unsigned>(number_at(permissions, name)); };
  const auto mode = std::strtoul(text_at(permissions, "mode").c_str(), nullptr, 8);
  return Ownership{id("owner"), id("group"), static_cast<unsigned>(mode)};
}

}  // namespace virtsession::move
