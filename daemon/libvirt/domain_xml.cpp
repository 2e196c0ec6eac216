// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_xml.hpp"

#include "libvirt/forward_xml.hpp"
#include "libvirt/save_blocker.hpp"
#include "libvirt/xml.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace virtsession {
namespace {

constexpr std::size_t kMaxBytes = 16 * 1024 * 1024;  // libvirt sends strings of at most 4 MiB
constexpr const char* kAgentChannel = "org.qemu.guest_agent.0";

template <class Number>
Number number_or(const std::optional<std::string>& text, Number otherwise) {
  Number number = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// libvirt writes memory in KiB whatever unit it was given in.
std::uint64_t memory_kib(const xmlNode* domain) {
  const xmlNode* memory = child(domain, "memory");
  return memory ? number_or<std::uint64_t>(text_of(memory), 0) : 0;
}

// The attribute of <source> that names what the interface is attached to, by type.
std::string source_name(const xmlNode* interface, const std::string& type) {
  const xmlNode* backend = child(interface, "backend");
  const auto backend_type = backend ? attribute(backend, "type") : std::nullopt;
  // libvirt writes no backend for slirp, its default.
  if (type == "user") return backend_type.value_or("slirp");
  if (type == "vhostuser" && backend_type) return *backend_type;
  const xmlNode* source = child(interface, "source");
  if (!source) return {};
  // That of a running domain has both: of a network that only names a bridge, libvirt makes an interface of type
  // bridge.
  if (type == "bridge")
    if (auto bridge = attribute(source, "bridge")) return *std::move(bridge);
  for (const char* name : {"network", "bridge", "dev", "name", "path", "address"})
    if (auto value = attribute(source, name)) return *std::move(value);
  return {};
}

// libvirt counts all NICs but those that are devices of the host, or that a person has named.
Network network_of(const xmlNode* interface, int& place) {
  Network network;
  const xmlNode* alias = child(interface, "alias");
  const auto name = alias ? attribute(alias, "name") : std::nullopt;
  const bool counts = attribute(interface, "type") != "hostdev" && !(name && name->starts_with("ua-"));
  network.nic = name.value_or("net" + std::to_string(place));
  place += counts ? 1 : 0;
  network.type = attribute(interface, "type").value_or("");
  network.source = source_name(interface, network.type);
  if (const xmlNode* mac = child(interface, "mac")) network.mac = attribute(mac, "address").value_or("");
  return network;
}

// startupPolicy: "requisite" and "optional" may be missing when it starts.
bool is_mandatory(const xmlNode* source) {
  return attribute(source, "startupPolicy").value_or("mandatory") == "mandatory";
}

void read_disk(const xmlNode* disk, DomainXml& domain) {
  const xmlNode* target = child(disk, "target");
  const xmlNode* source = child(disk, "source");
  if (!target || !source) return;
  for (const char* name : {"file", "dev"}) {
    auto path = attribute(source, name);
    if (!path) continue;
    if (is_mandatory(source)) domain.needed_files.push_back(*path);
    domain.disk_files[attribute(target, "dev").value_or("")] = *std::move(path);
  }
}

// Its vendor and product, as sysfs has them. One that is named by its place alone is another one each time.
void read_hostdev(const xmlNode* hostdev, DomainXml& domain) {
  const xmlNode* source = child(hostdev, "source");
  if (attribute(hostdev, "type") != "usb" || !source || !is_mandatory(source)) return;
  std::string device;
  for (const char* name : {"vendor", "product"}) {
    const xmlNode* node = child(source, name);
    const auto id = node ? attribute(node, "id") : std::nullopt;
    if (!id || !id->starts_with("0x") || id->size() != 6) return;
    device += (device.empty() ? "" : ":") + id->substr(2);
  }
  std::ranges::transform(device, device.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  domain.usb_devices.push_back(device);
}

std::string_view namespace_of(const xmlNode* node) {
  const auto* space = node->type == XML_ELEMENT_NODE && node->ns ? node->ns->href : nullptr;
  return space ? reinterpret_cast<const char*>(space) : std::string_view();
}

// libguestfs calls its domains "guestfs-" and 16 letters.
void read_metadata(const xmlNode* root, DomainXml& domain) {
  const xmlNode* name = child(root, "name");
  domain.is_guestfs = name && text_of(name).value_or("").starts_with("guestfs-");
  const xmlNode* metadata = child(root, "metadata");
  for (const xmlNode* node = metadata ? metadata->children : nullptr; node; node = node->next) {
    const auto space = namespace_of(node);
    domain.is_guestfs |= space.find("libguestfs.org") != std::string_view::npos;
    if (space == kMoveNamespace) domain.move_mark = text_of(node).value_or("");
    if (space == kForwardsNamespace) domain.own_forwards = read_own_forwards(text_of(node).value_or(""));
  }
}

// "auto" chooses an address for each run.
std::optional<std::uint32_t> vsock_cid(const xmlNode* vsock) {
  const xmlNode* cid = child(vsock, "cid");
  const auto number = number_or<std::uint32_t>(cid ? attribute(cid, "address") : std::nullopt, 0);
  return number > 0 ? std::optional(number) : std::nullopt;
}

void read_channel(const xmlNode* channel, DomainXml& domain) {
  const xmlNode* target = child(channel, "target");
  if (!target || attribute(target, "name") != kAgentChannel) return;
  domain.agent_configured = true;
  if (attribute(target, "state") == "connected") domain.agent_connected = true;
}

}  // namespace

Result<DomainXml> parse_domain_xml(std::string_view xml) {
  const auto document = parse_xml(xml, kMaxBytes);
  if (!document) return Error{ErrorCode::operation_failed, "The domain's XML is unusable: " + document.error().message};
  const xmlNode* root = xmlDocGetRootElement(document->get());
  if (!is_element(root, "domain"))
    return Error{ErrorCode::operation_failed, "The domain's XML is unusable: it is not of a domain"};

  DomainXml domain;
  domain.id = number_or(attribute(root, "id"), -1);
  domain.memory_kib = memory_kib(root);
  if (const xmlNode* title = child(root, "title")) domain.title = text_of(title).value_or("");
  if (const xmlNode* action = child(root, "on_poweroff")) domain.restarts_on_poweroff = text_of(action) == "restart";
  domain.save_blocker = save_blocker(root);
  read_metadata(root, domain);
  const xmlNode* devices = child(root, "devices");
  int place = 0;
  for (const xmlNode* node = devices ? devices->children : nullptr; node; node = node->next) {
    if (is_element(node, "interface")) {
      domain.networks.push_back(network_of(node, place));
      const auto forwards = forwards_of_interface(node);
      domain.forwards.insert(domain.forwards.end(), forwards.begin(), forwards.end());
    }
    if (is_element(node, "channel")) read_channel(node, domain);
    if (is_element(node, "vsock")) domain.vsock_cid = vsock_cid(node);
    if (is_element(node, "disk")) read_disk(node, domain);
    if (is_element(node, "hostdev")) read_hostdev(node, domain);
  }
  return domain;
}

}  // namespace virtsession
