// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/domain_details.hpp"

#include "libvirt/domain_xml.hpp"
#include "libvirt/policy_xml.hpp"
#include "libvirt/xml.hpp"

#include <libxml/xmlsave.h>

#include <utility>

namespace virtsession {
namespace {

constexpr std::size_t kMaxBytes = 16 * 1024 * 1024;

using XmlBuffer = UniqueCPtr<xmlBuffer, xmlBufferFree>;

std::string text_in(const xmlNode* parent, const char* name) {
  const xmlNode* node = child(parent, name);
  return node ? text_of(node).value_or("") : "";
}

/// The element and all in it as text.
std::string dump(const xmlNode* node) {
  const XmlBuffer buffer(xmlBufferCreate());
  if (!buffer || xmlNodeDump(buffer.get(), node->doc, const_cast<xmlNode*>(node), 0, 0) < 0) return {};
  return reinterpret_cast<const char*>(xmlBufferContent(buffer.get()));
}

void read_policy(const xmlNode* domain, DomainFacts& facts) {
  const xmlNode* metadata = child(domain, "metadata");
  for (const xmlNode* node = metadata ? metadata->children : nullptr; node; node = node->next) {
    if (node->type != XML_ELEMENT_NODE || !node->ns || !node->ns->href) continue;
    if (std::string_view(reinterpret_cast<const char*>(node->ns->href)) != kPolicyNamespace) continue;
    // libvirt hands it out without what is around it; the same rules apply to it here.
    if (!is_element(node, "policy")) {
      facts.policy_error = "The policy in the metadata is unusable: the element is not named 'policy'";
    } else if (auto text = text_of(node)) {
      facts.policy_text = *std::move(text);
    } else {
      facts.policy_error = "The policy in the metadata is unusable: the element holds more than text";
    }
  }
}

/// Nothing for what is no file: a network disk, a volume of a pool, an empty drive.
std::optional<ImageFacts> image_of(const xmlNode* disk) {
  const xmlNode* source = child(disk, "source");
  if (!source) return std::nullopt;
  const auto path = attribute(source, attribute(disk, "type") == "block" ? "dev" : "file");
  if (!path || path->empty()) return std::nullopt;
  ImageFacts image;
  image.path = *path;
  const auto device = attribute(disk, "device").value_or("disk");
  image.cdrom = device == "cdrom" || device == "floppy";
  image.writable = device != "cdrom" && !child(disk, "readonly");
  if (const xmlNode* driver = child(disk, "driver")) image.format = attribute(driver, "type").value_or("raw");
  if (const xmlNode* target = child(disk, "target")) image.target = attribute(target, "dev").value_or("");
  return image;
}

/// What a disk is that is no file here; nothing for an empty drive.
std::optional<std::string> remote_disk_of(const xmlNode* disk) {
  const auto type = attribute(disk, "type").value_or("file");
  const xmlNode* source = child(disk, "source");
  if (!source || type == "file" || type == "block") return std::nullopt;
  const xmlNode* target = child(disk, "target");
  const auto name = (target ? attribute(target, "dev") : std::nullopt).value_or("a disk");
  if (type == "network") return name + " (" + attribute(source, "protocol").value_or("network") + ")";
  if (type == "volume") return name + " (a volume of pool " + attribute(source, "pool").value_or("") + ")";
  return name + " (" + type + ")";
}

/// Nothing for a disk that is reached in another way.
std::optional<DiskSocket> socket_of(const xmlNode* disk) {
  const xmlNode* source = attribute(disk, "type") == "network" ? child(disk, "source") : nullptr;
  const xmlNode* host = source ? child(source, "host") : nullptr;
  const auto path = host ? attribute(host, "socket") : std::nullopt;
  if (!path || attribute(host, "transport") != "unix") return std::nullopt;
  const xmlNode* target = child(disk, "target");
  return DiskSocket{(target ? attribute(target, "dev") : std::nullopt).value_or("a disk"), *path};
}

void read_boot_files(const xmlNode* domain, DomainFacts& facts) {
  const xmlNode* os = child(domain, "os");
  for (const char* name : {"kernel", "initrd", "loader"}) {
    std::string path = os ? text_in(os, name) : "";
    if (!path.starts_with('/')) continue;
    ImageFacts image;
    image.path = std::move(path);
    image.target = name;
    image.writable = false;
    facts.images.push_back(image);
  }
}

/// Devices that the kernel gives to a guest whole: its memory is locked for them.
bool is_vfio(const xmlNode* device) {
  const auto type = attribute(device, "type");
  if (is_element(device, "hostdev")) return type == "pci" || type == "mdev";
  return is_element(device, "interface") && type == "hostdev";
}

void read_devices(const xmlNode* domain, DomainFacts& facts) {
  const xmlNode* devices = child(domain, "devices");
  for (const xmlNode* node = devices ? devices->children : nullptr; node; node = node->next) {
    if (is_element(node, "disk")) {
      if (auto image = image_of(node))
        facts.images.push_back(*std::move(image));
      else if (auto remote = remote_disk_of(node))
        facts.remote_disks.push_back(*std::move(remote));
      if (auto socket = socket_of(node)) facts.disk_sockets.push_back(*std::move(socket));
    }
    if (is_element(node, "vsock")) facts.vsock = true;
    if (node->type == XML_ELEMENT_NODE && is_vfio(node)) facts.locks_memory = true;
  }
  const xmlNode* backing = child(domain, "memoryBacking");
  if (backing && child(backing, "locked")) facts.locks_memory = true;
}

}  // namespace

Result<DomainFacts> parse_domain_details(std::string_view xml) {
  const auto document = parse_xml(xml, kMaxBytes);
  if (!document) return Error{ErrorCode::operation_failed, document.error().message};
  const xmlNode* domain = xmlDocGetRootElement(document->get());
  if (is_element(domain, "domstatus")) domain = child(domain, "domain");
  if (!is_element(domain, "domain")) return Error{ErrorCode::operation_failed, "it is not of a domain"};
  const auto common = parse_domain_xml(dump(domain));
  if (!common) return common.error();

  DomainFacts facts;
  facts.uuid = canonical_uuid(text_in(domain, "uuid"));
  facts.name = text_in(domain, "name");
  facts.type = attribute(domain, "type").value_or("");
  facts.memory_kib = common->memory_kib;
  facts.networks = common->networks;
  facts.agent_channel = common->agent_configured;
  read_policy(domain, facts);
  read_boot_files(domain, facts);
  read_devices(domain, facts);
  return facts;
}

}  // namespace virtsession
