// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "libvirt/xml.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <filesystem>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNetwork = 1024 * 1024;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

/// From libvirt's files: asking virtqemud for networks would start virtnetworkd.
std::vector<SessionNetwork> gather_session_networks(const GatherOptions& options) {
  std::vector<SessionNetwork> networks;
  const fs::path folder = options.config_home + "/libvirt/qemu/networks";
  const fs::path running = options.runtime_dir + "/libvirt/network/lib";
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".xml") continue;
    const auto text = read_file(entry->path(), kMaxNetwork);
    if (!text || !*text) continue;
    const auto document = parse_xml(**text, kMaxNetwork);
    if (!document) continue;
    const xmlNode* root = xmlDocGetRootElement(document->get());
    SessionNetwork network;
    if (const xmlNode* forward = child(root, "forward")) network.forward = attribute(forward, "mode").value_or("nat");
    if (const xmlNode* bridge = child(root, "bridge")) network.bridge = attribute(bridge, "name").value_or("");
    network.name = entry->path().stem();
    network.active = !options.runtime_dir.empty() && is_there(running / entry->path().filename());
    network.autostart = is_there(folder / "autostart" / entry->path().filename());
    networks.push_back(std::move(network));
  }
  std::ranges::sort(networks, {}, &SessionNetwork::name);
  return networks;
}

}  // namespace virtsession
