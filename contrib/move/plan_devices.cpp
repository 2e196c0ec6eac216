// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"

#include <algorithm>
#include <array>

namespace virtsession::move {
namespace {

constexpr std::uint64_t kVirtiofsInSession = 10000000;
constexpr const char* kVsock = "/dev/vhost-vsock";
constexpr std::array kCharacterDevices{"serial", "console", "parallel", "channel"};

/// Of libvirt's own making: it makes another on the other side.
bool is_generated(const std::string& path) {
  return path.starts_with("/var/lib/libvirt/") || path.starts_with("/run/libvirt/") ||
         path.find("/libvirt/qemu/") != std::string::npos;
}

bool writes_to_path(const xmlNode* device) {
  const auto type = attribute(device, "type").value_or("");
  return type == "file" || type == "dev" || type == "pipe" || type == "unix";
}

void plan_character_device(Planning& planning, xmlNode* device, const std::string& kind) {
  const auto& writable = planning.facts.target.writable;
  if (auto* log = child_to_change(device, "log"))
    if (const auto file = attribute(log, "file").value_or(""); !writable.contains(file)) {
      remove(log);
      planning.lose(kind + " log", file + " cannot be written there: it has none then");
    }
  if (!writes_to_path(device)) return;
  auto* source = child_to_change(device, "source");
  const auto path = source ? attribute(source, "path").value_or("") : std::string();
  if (path.empty() || writable.contains(path)) return;
  remove(source);
  // Its way to a channel's socket libvirt finds by itself, unlike that to a serial port's.
  if (kind == "channel" && is_generated(path)) return;
  set_attribute(device, "type", "pty");
  planning.lose(kind, path + " cannot be used there: it is a terminal of virsh console then");
}

void plan_graphics(xmlNode* graphics) {
  remove_attribute(graphics, "socket");
  for (auto* listen : children(graphics, "listen"))
    if (attribute(listen, "type") == "socket" && is_generated(attribute(listen, "socket").value_or("")))
      remove_attribute(listen, "socket");
}

}  // namespace

void plan_host_devices(Planning& planning) {
  for (auto* device : children(planning.devices(), "hostdev")) {
    const auto type = attribute(device, "type").value_or("");
    if (!planning.to_session()) continue;
    if (type == "usb")
      planning.lose("USB device", "it works as long as " + planning.facts.target.user + " may open it");
    else
      planning.block(type + " device", "a session cannot have devices of the host, except on USB",
                     planning.virsh("edit") + "   # remove it");
  }
  if (!children(planning.devices(), "lease").empty())
    planning.block("lease", "its lock belongs to " + uri_of(planning.request.from), planning.virsh("edit"));
  for (const auto* memory : children(planning.devices(), "memory"))
    if (const auto path = text_at(memory, "source/path"); !path.empty())
      planning.block("memory device", path + " belongs to the host", planning.virsh("edit"));
}

void plan_folders(Planning& planning) {
  if (!planning.to_session()) return;
  for (auto* folder : children(planning.devices(), "filesystem")) {
    const auto what = "shared folder " + attribute_at(folder, "source", "dir");
    const bool virtiofs = attribute_at(folder, "driver", "type") == "virtiofs";
    if (virtiofs && planning.facts.target.libvirt_version < kVirtiofsInSession)
      planning.block(what, "a session has virtiofs from libvirt 10.0 on", planning.virsh("edit"));
    else
      planning.lose(what, "its files are opened as " + planning.facts.target.user + ", who may read less");
  }
}

void plan_sockets(Planning& planning) {
  for (const char* kind : kCharacterDevices)
    for (auto* device : children(planning.devices(), kind)) plan_character_device(planning, device, kind);
  for (auto* graphics : children(planning.devices(), "graphics")) plan_graphics(graphics);
}

void plan_other_devices(Planning& planning) {
  auto* devices = planning.devices();
  if (!devices) return;
  const auto& writable = planning.facts.target.writable;
  for (auto* rng : children(devices, "rng"))
    if (auto* backend = child_to_change(rng, "backend"); backend && text_of(backend) == "/dev/hwrng") {
      set_text(backend, "/dev/urandom");
      planning.keep("rng", "/dev/hwrng becomes /dev/urandom");
    }
  if (!planning.to_session()) return;
  if (!writable.contains(kVsock) && remove_children(devices, "vsock") > 0)
    planning.lose("vsock",
                  std::string(kVsock) + " is not for " + planning.facts.target.user + ": the device is left out");
  for (auto* input : children(devices, "input")) {
    const auto path = attribute_at(input, "source", "dev") + attribute_at(input, "source", "evdev");
    if (path.empty() || writable.contains(path)) continue;
    planning.lose("input", path + " is not for " + planning.facts.target.user + ": the device is left out");
    remove(input);
  }
}

std::vector<std::string> written_paths_of(const std::string& xml) {
  std::vector<std::string> paths;
  const auto document = parse_definition(xml);
  if (!document) return paths;
  const auto* devices = at_path(xmlDocGetRootElement(document->get()), "devices");
  const auto add = [&](std::string path) {
    if (!path.empty()) paths.push_back(std::move(path));
  };
  for (const char* kind : kCharacterDevices)
    for (const auto* device : children(devices, kind)) {
      if (writes_to_path(device)) add(attribute_at(device, "source", "path"));
      add(attribute_at(device, "log", "file"));
    }
  for (const auto* input : children(devices, "input"))
    add(attribute_at(input, "source", "dev") + attribute_at(input, "source", "evdev"));
  if (!children(devices, "vsock").empty()) add(kVsock);
  return paths;
}

}  // namespace virtsession::move
