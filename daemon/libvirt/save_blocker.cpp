// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/save_blocker.hpp"

#include "libvirt/xml.hpp"

namespace virtsession {
namespace {

std::string attribute_or_empty(const xmlNode* element, const char* name) {
  return element ? attribute(element, name).value_or("") : std::string();
}

// "0x01" -> "01"
std::string without_prefix(const std::string& number) { return number.starts_with("0x") ? number.substr(2) : number; }

// As lspci writes it.
std::string pci_address(const xmlNode* device) {
  const xmlNode* source = child(device, "source");
  const xmlNode* address = source ? child(source, "address") : nullptr;
  const auto part = [address](const char* name) { return without_prefix(attribute_or_empty(address, name)); };
  if (part("bus").empty()) return {};
  return " " + part("domain") + ":" + part("bus") + ":" + part("slot") + "." + part("function");
}

// QEMU takes the network device of a failover pair away for the time of the save.
bool is_taken_away(const xmlNode* device) {
  return attribute_or_empty(child(device, "teaming"), "type") == "transient";
}

std::string pci_blocker(const xmlNode* device) {
  if (is_taken_away(device)) return {};
  return "it has a host device (PCI" + pci_address(device) + ")";
}

std::string host_device_blocker(const xmlNode* device) {
  const auto type = attribute_or_empty(device, "type");
  if (type == "pci") return pci_blocker(device);
  if (type == "scsi_host") return "it has a host device (a vhost-scsi controller)";
  return {};
}

// Only the one with the role "master" takes its content along.
std::string shared_memory_blocker(const xmlNode* device) {
  if (attribute(device, "role") == "master") return {};
  return "it shares memory with the host (shmem \"" + attribute_or_empty(device, "name") + "\")";
}

// QEMU cannot tell what an emulated NVMe controller is at.
constexpr const char* kNvme = "it has an emulated NVMe controller";

std::string disk_blocker(const xmlNode* disk) {
  if (attribute_or_empty(child(disk, "target"), "bus") == "nvme") return kNvme;
  if (!child(disk, "transient")) return {};
  return "what it writes to the disk " + attribute_or_empty(child(disk, "target"), "dev") + " is not kept (transient)";
}

// The server of the folder knows what the guest has open there, and QEMU does not.
std::string folder_blocker(const xmlNode* device) {
  const bool is_virtiofs = attribute_or_empty(child(device, "driver"), "type") == "virtiofs";
  return "it shares the folder \"" + attribute_or_empty(child(device, "target"), "dir") + "\" with the host (" +
         (is_virtiofs ? "virtiofs" : "9p") + ")";
}

std::string video_blocker(const xmlNode* video) {
  const xmlNode* model = child(video, "model");
  const xmlNode* acceleration = model ? child(model, "acceleration") : nullptr;
  return attribute_or_empty(acceleration, "accel3d") == "yes" ? "its graphics are accelerated (3D)" : std::string();
}

// What it passes to QEMU past libvirt: "-device nvme,...", or the same in JSON.
std::string command_line_blocker(const xmlNode* command_line) {
  for (const xmlNode* node = command_line ? command_line->children : nullptr; node; node = node->next) {
    if (!is_element(node, "arg")) continue;
    const auto value = attribute(node, "value").value_or("");
    if (value == "nvme" || value.starts_with("nvme,") || value.find("\"driver\":\"nvme\"") != std::string::npos)
      return kNvme;
  }
  return {};
}

std::string device_blocker(const xmlNode* device) {
  if (is_element(device, "hostdev")) return host_device_blocker(device);
  if (is_element(device, "interface") && attribute(device, "type") == "hostdev") return pci_blocker(device);
  if (is_element(device, "shmem")) return shared_memory_blocker(device);
  if (is_element(device, "disk")) return disk_blocker(device);
  if (is_element(device, "filesystem")) return folder_blocker(device);
  if (is_element(device, "video")) return video_blocker(device);
  return {};
}

bool has_tsc_frequency(const xmlNode* domain) {
  const xmlNode* clock = child(domain, "clock");
  for (const xmlNode* timer = clock ? clock->children : nullptr; timer; timer = timer->next)
    if (is_element(timer, "timer") && attribute(timer, "name") == "tsc" && attribute(timer, "frequency")) return true;
  return false;
}

std::string cpu_blocker(const xmlNode* domain) {
  const xmlNode* cpu = child(domain, "cpu");
  for (const xmlNode* feature = cpu ? cpu->children : nullptr; feature; feature = feature->next) {
    if (!is_element(feature, "feature") || attribute(feature, "name") != "invtsc") continue;
    const auto policy = attribute(feature, "policy").value_or("require");
    if ((policy == "require" || policy == "force") && !has_tsc_frequency(domain))
      return "its CPU has the feature invtsc and its clock no TSC frequency";
  }
  return {};
}

}  // namespace

std::string save_blocker(const xmlNode* domain) {
  const xmlNode* devices = child(domain, "devices");
  for (const xmlNode* device = devices ? devices->children : nullptr; device; device = device->next)
    if (auto reason = device_blocker(device); !reason.empty()) return reason;
  if (auto reason = command_line_blocker(child(domain, "commandline")); !reason.empty()) return reason;
  return cpu_blocker(domain);
}

}  // namespace virtsession
