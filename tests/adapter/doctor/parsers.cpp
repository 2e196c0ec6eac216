// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"
#include "doctor/disk_image.hpp"
#include "doctor/domain_details.hpp"
#include "doctor/process_table.hpp"
#include "util/last_words.hpp"
#include "util/mounts.hpp"

#include <doctest/doctest.h>

#include <string>

namespace virtsession {
namespace {

TEST_CASE("The words of a line of libvirt's log") {
  CHECK(without_log_prefix("2026-11-26 13:00:00.123+0000: 4711: error : virConfParse:750 : a.conf:1: no value") ==
        "a.conf:1: no value");
  CHECK(without_log_prefix("2026-11-26 13:00:00.123+0000: 4711: error : plain") == "plain");
  CHECK(without_log_prefix("plain words") == "plain words");
}

TEST_CASE("A command line that names a path") {
  using namespace std::string_literals;
  for (const auto& line :
       {"sshfs\0host:/srv\0/home/u/vms\0"s, "/home/u/vms"s, "rclone\0mount\0x:\0/home/u/vms/\0--daemon\0"s,
        "f\0--mountpoint=/home/u/vms\0"s, "f\0-o\0ro,at=/home/u/vms,allow_other\0"s, "f\0/home/u/vms2\0/home/u/vms\0"s})
    CHECK_MESSAGE(names_path(line, "/home/u/vms"), line.c_str());
  for (const auto& line : {""s, "f\0/home/u/vms2\0"s, "f\0/home/u/vms/a\0"s, "f\0/mnt/home/u/vms\0"s,
                           "sshfs\0host:/home/u/vms\0/mnt\0"s, "f\0/home/u/vm\0s"s})
    CHECK_MESSAGE(!names_path(line, "/home/u/vms"), line.c_str());
  CHECK(!names_path("f\0/\0"s, ""));
}

TEST_CASE("libvirt's configuration files") {
  const auto settings = parse_libvirt_conf(
      "# uri_default = \"no\"\n  uri_default = \"qemu:///system\" # why\nmax_core = 'unlimited'\nmax_files=32768\n"
      "uri_aliases = [\n  \"x=qemu:///system\",\n]\nbroken\n=\n\nhalf = \"open\n");
  CHECK(settings.at("uri_default") == "qemu:///system");
  CHECK(settings.at("max_core") == "unlimited");
  CHECK(settings.at("max_files") == "32768");
  CHECK(settings.at("half") == "open");
  CHECK(!settings.contains("uri_aliases"));
  CHECK(!settings.contains("broken"));
}

TEST_CASE("The bridge helper's rules") {
  const auto conf = parse_bridge_conf("allow virbr0\n# deny all\n  deny br0 # no\ninclude /etc/qemu/ann.conf\nallow\n");
  REQUIRE(conf.rules.size() == 2);
  CHECK(conf.rules[0].allow);
  CHECK(conf.rules[0].bridge == "virbr0");
  CHECK(!conf.rules[1].allow);
  CHECK(conf.rules[1].bridge == "br0");
  CHECK(conf.includes == std::vector<std::string>{"/etc/qemu/ann.conf"});
}

TEST_CASE("Distributions by os-release, and those that are like them") {
  CHECK(parse_distribution("ID=debian\n") == Distribution::debian);
  CHECK(parse_distribution("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n") == Distribution::debian);
  CHECK(parse_distribution("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n") == Distribution::fedora);
  CHECK(parse_distribution("ID=manjaro\nID_LIKE=arch\n") == Distribution::arch);
  CHECK(parse_distribution("ID=gentoo\n") == Distribution::other);
  CHECK(parse_distribution("") == Distribution::other);
}

TEST_CASE("Who may ping") {
  CHECK(in_ping_range("0\t2147483647\n", {1000}));
  CHECK(!in_ping_range("1\t0\n", {0, 1, 1000}));
  CHECK(in_ping_range("100\t100", {5, 100}));
  CHECK(!in_ping_range("", {1000}));
  CHECK(!in_ping_range("lots", {1000}));
}

TEST_CASE("Mounts, and which one a path is in") {
  const auto mounts = parse_mountinfo(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "23 22 0:30 / /home/ann/My\\040disks rw - fuse.sshfs far: rw\n"
      "24 22 0:31 / /home/ann/My\\040disks rw shared:2 master:1 - nfs4 srv:/x rw\nbroken line\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mount_of(mounts, "/home/ann/My disks/a.img")->type == "nfs4");  // the one on top
  CHECK(mount_of(mounts, "/home/ann/My disksX/a.img")->type == "ext4");
  CHECK(mount_of(mounts, "/home")->device == "8:1");
  CHECK(mount_of({}, "/home") == nullptr);
}

std::string qcow2(const std::string& backing, std::uint64_t capacity) {
  std::string head("QFI\xfb\0\0\0\3", 8);
  const auto put = [&](std::uint64_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) head += static_cast<char>(number >> (8 * i));
  };
  put(backing.empty() ? 0 : 104, 8);
  put(backing.size(), 4);
  put(16, 4);
  put(capacity, 8);
  head.resize(104);
  return head + backing;
}

TEST_CASE("A qcow2 image's size and what it stands on") {
  const auto header = parse_qcow2(qcow2("base.qcow2", 10737418240));
  REQUIRE(header);
  CHECK(header->capacity == 10737418240);
  CHECK(header->backing_file == "base.qcow2");
  CHECK(parse_qcow2(qcow2("", 1))->backing_file == "");
  CHECK(!parse_qcow2("QFI\xfb"));
  CHECK(!parse_qcow2(std::string(4096, 'x')));
  // A name that would lie outside of what was read.
  auto broken = qcow2("base", 1);
  broken.resize(105);
  CHECK(parse_qcow2(broken)->backing_file == "");

  CHECK(backing_path("/a/b.qcow2", "base") == "/a/base");
  CHECK(backing_path("/a/b.qcow2", "/c/base") == "/c/base");
  CHECK(backing_path("/a/b.qcow2", "file:/c/base") == "/c/base");
  CHECK(backing_path("/a/b.qcow2", "nbd:host:10809") == "");
  CHECK(backing_path("/a/b.qcow2", "json:{\"driver\":\"raw\"}") == "");
}

TEST_CASE("What the checks need of a domain's XML") {
  const auto domain = parse_domain_details(R"(<!-- WARNING: generated --><domain type='kvm'>
    <name>web</name><uuid>6B4FB538-b287-4a87-a3f3-5d2335f1c9aa</uuid><memory unit='KiB'>2048</memory>
    <metadata><other xmlns='x:y'/><virtsession:policy xmlns:virtsession='https://virtsession.org/policy/1'>{"start_order":1}</virtsession:policy></metadata>
    <memoryBacking><locked/></memoryBacking>
    <os><type>hvm</type><kernel>/boot/k</kernel><loader>edk2.fd</loader></os>
    <devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a.qcow2'/><target dev='vda'/></disk>
      <disk type='file' device='cdrom'><source file='/b.iso'/><target dev='sda'/><readonly/></disk>
      <disk type='file' device='cdrom'><target dev='sdb'/><readonly/></disk>
      <disk type='block' device='disk'><source dev='/dev/sdx'/><target dev='vdb'/></disk>
      <disk type='network' device='disk'><source protocol='nbd'/><target dev='vdc'/></disk>
      <interface type='user'><backend type='passt'/></interface>
    </devices></domain>)");
  REQUIRE(domain);
  CHECK(domain->name == "web");
  CHECK(domain->uuid == "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa");
  CHECK(domain->type == "kvm");
  CHECK(domain->memory_kib == 2048);
  CHECK(domain->locks_memory);
  CHECK(domain->policy_text == R"({"start_order":1})");
  REQUIRE(domain->networks.size() == 1);
  CHECK(domain->networks[0].source == "passt");
  REQUIRE(domain->images.size() == 4);
  CHECK(domain->images[0].path == "/boot/k");
  CHECK(!domain->images[0].writable);
  CHECK(domain->images[1].format == "qcow2");
  CHECK(domain->images[1].writable);
  CHECK(domain->images[2].cdrom);
  CHECK(!domain->images[2].writable);
  CHECK(domain->images[3].path == "/dev/sdx");
}

TEST_CASE("Whose memory is locked: a passed-through device of PCI's, not one of USB's") {
  const auto locks = [](const std::string& device) {
    return parse_domain_details("<domain><name>x</name><devices>" + device + "</devices></domain>")->locks_memory;
  };
  CHECK(locks("<hostdev mode='subsystem' type='pci'/>"));
  CHECK(locks("<hostdev mode='subsystem' type='mdev'/>"));
  CHECK(locks("<interface type='hostdev'/>"));
  CHECK(!locks("<hostdev mode='subsystem' type='usb'/>"));
  CHECK(!locks("<interface type='user'/>"));
}

TEST_CASE("A policy element that holds more than text, a running domain's file, and no domain at all") {
  const auto domain = parse_domain_details(
      "<domstatus><domain><name>x</name><metadata><p:policy xmlns:p='https://virtsession.org/policy/1'><a/></p:policy>"
      "</metadata></domain></domstatus>");
  REQUIRE(domain);
  CHECK(domain->name == "x");
  CHECK(domain->policy_error.find("more than text") != std::string::npos);
  CHECK(!parse_domain_details("<network/>"));
  CHECK(!parse_domain_details("<domstatus/>"));
  CHECK(!parse_domain_details("garbage"));
}

}  // namespace
}  // namespace virtsession
