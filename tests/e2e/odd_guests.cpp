// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/odd_guests.hpp"

#include <utility>
#include <vector>

namespace virtsession::test {
namespace {

std::string qemu_element(const std::vector<std::string>& arguments) {
  std::string text = "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>";
  for (const auto& argument : arguments) text += "<qemu:arg value='" + argument + "'/>";
  return text + "</qemu:commandline>";
}

}  // namespace

Guest define_unsaveable(Desktop& desktop, DomainXml domain, bool hidden) {
  if (hidden) {
    const auto config = "/home/alice/" + domain.name + ".cfg";
    desktop.host().write_file(config,
                              "[object \"m\"]\n  qom-type = \"memory-backend-ram\"\n  size = \"1M\"\n  share = \"on\"\n"
                              "[device \"n\"]\n  driver = \"ivshmem-plain\"\n  memdev = \"m\"\n  addr = \"0x1a\"\n",
                              kUser);
    domain.elements = qemu_element({"-readconfig", config});
  } else {
    const auto image = "/home/alice/" + domain.name + ".img";
    desktop.run({"qemu-img", "create", "-q", "-f", "raw", image, "16M"});
    domain.elements = qemu_element(
        {"-device", "nvme,drive=d,serial=1,addr=0x1a", "-drive", "file=" + image + ",if=none,id=d,format=raw"});
  }
  return desktop.define(std::move(domain));
}

void mount_small(Desktop& desktop) {
  desktop.host().must_exec({"install", "-d", "-o", kUser, "/home/alice/small"});
  desktop.host().must_exec({"mount", "-t", "tmpfs", "-o", "size=24M,mode=0777", "tmpfs", "/home/alice/small"});
  desktop.host().must_exec({"truncate", "--size=192M", kSmallImage});
  desktop.host().must_exec({"chown", kUser, kSmallImage});
}

void grow_small(Desktop& desktop, const std::string& size) {
  desktop.host().must_exec({"mount", "-o", "remount,size=" + size, "/home/alice/small"});
}

void install_disk_server(Desktop& desktop) {
  desktop.run({"qemu-img", "create", "-q", "-f", "raw", "/home/alice/served.img", "16M"});
  desktop.host().write_file(
      "/home/alice/.config/systemd/user/" + kDiskServer,
      "[Unit]\nDescription=Server of a disk\n[Service]\nType=exec\n"
      "ExecStart=qemu-nbd --persistent --socket=%t/disk.sock --format=raw /home/alice/served.img\n"
      "ExecStartPost=sh -c 'until [ -S %t/disk.sock ]; do sleep 0.05; done'\n"
      "[Install]\nWantedBy=default.target\n",
      kUser);
  desktop.systemctl({"daemon-reload"});
  desktop.systemctl({"enable", kDiskServer});
}

std::string served_disk(Desktop& desktop) {
  const auto socket = "/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/disk.sock";
  return "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
         "<source protocol='nbd'><host transport='unix' socket='" +
         socket + "'/></source><target dev='vda' bus='virtio'/></disk>";
}

}  // namespace virtsession::test
