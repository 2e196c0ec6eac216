// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sample.hpp"

#include "util/files.hpp"

#include <algorithm>
#include <stdexcept>

namespace virtsession::test {

using namespace move;

std::string dump(const std::string& version) {
  const auto text = read_file(std::string(VIRTSESSION_MOVE_DUMPS) + "/libvirt-" + version + ".xml");
  if (!text || !*text) throw std::runtime_error("no dump of libvirt " + version);
  return **text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("not in the text: " + from);
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

FileFacts image(const std::string& format, const std::string& backing) {
  FileFacts facts;
  facts.kind = FileFacts::Kind::file;
  facts.size = std::uint64_t{10} << 20;
  facts.allocated = std::uint64_t{4} << 20;
  facts.changed = "1.5";
  facts.image.format = format;
  facts.image.backing = backing;
  return facts;
}

namespace {

std::string small_xml(const std::string& devices) {
  return "<domain type='kvm'><name>web</name><uuid>6b4fb538-b287-4a87-a3f3-5d2335f1c9aa</uuid>"
         "<memory>1024</memory><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>"
         "<emulator>/usr/bin/qemu-system-x86_64</emulator>"
         "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
         "<source file='/var/lib/libvirt/images/web.qcow2'/><backingStore/><target dev='vda' bus='virtio'/></disk>" +
         devices + "</devices></domain>";
}

}  // namespace

Facts small_vm() {
  Facts facts;
  auto& source = facts.source;
  source.name = "web";
  source.uuid = "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa";
  source.xml = small_xml("");
  source.autostart = true;
  source.nvram_folder = "/var/lib/libvirt/qemu/nvram";
  source.files["/var/lib/libvirt/images/web.qcow2"] = image("qcow2", "/var/lib/libvirt/images/base.qcow2");
  source.files["/var/lib/libvirt/images/base.qcow2"] = image("qcow2");
  auto& target = facts.target;
  target.libvirt_version = 9000000;
  target.machines = {"pc-q35-7.2", "q35"};
  target.images_folder = "/home/alice/images";
  target.nvram_folder = "/home/alice/nvram";
  target.tpm_folder = "/home/alice/swtpm";
  target.free_bytes = std::uint64_t{1} << 30;
  target.user = "alice";
  target.fresh_uuid = "11111111-2222-3333-4444-555555555555";
  target.fresh_macs = {"52:54:00:aa:aa:aa", "52:54:00:bb:bb:bb", "52:54:00:cc:cc:cc", "52:54:00:dd:dd:dd"};
  return facts;
}

Plan plan_with(const std::string& devices, const Request& request) {
  auto facts = small_vm();
  facts.source.xml = small_xml(devices);
  return make_plan(request, facts).value();
}

const Item* find(const std::vector<Item>& items, const std::string& what) {
  const auto found = std::ranges::find(items, what, &Item::what);
  return found == items.end() ? nullptr : &*found;
}

std::string text_of(const std::vector<Item>& items) {
  std::string text;
  for (const auto& item : items) text += item.what + ": " + item.text + "\n";
  return text;
}

}  // namespace virtsession::test
