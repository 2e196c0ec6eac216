// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan.hpp"

#include "sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession::move;
using namespace virtsession::test;

namespace {

constexpr const char* kImages = "/var/lib/libvirt/images/";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Request from_session() { return {.vm = "web", .from = Side::session, .network = {}, .to = {}}; }

/// What a VM with one of each kind of thing is, as far as its files go.
Facts rich_vm(const std::string& version) {
  auto facts = small_vm();
  facts.source.name = "rich";
  facts.source.uuid = "5d3e9a43-8f0c-4c36-9d5e-3c3f2a5b8e11";
  facts.source.xml = dump(version);
  facts.source.volumes["default/vol.qcow2"] = kImages + std::string("vol.qcow2");
  for (const char* name : {"rich.qcow2", "vol.qcow2"}) facts.source.files[kImages + std::string(name)] = image("qcow2");
  for (const char* name : {"data.img", "install.iso"}) facts.source.files[kImages + std::string(name)] = image("raw");
  facts.source.files["/var/lib/libvirt/qemu/nvram/rich_VARS.fd"] = image("raw");
  facts.source.tpm_folder = "/var/lib/libvirt/swtpm/5d3e9a43-8f0c-4c36-9d5e-3c3f2a5b8e11/tpm2";
  facts.source.tpm_files = {"tpm2-00.permall"};
  facts.source.files[facts.source.tpm_folder + "/tpm2-00.permall"] = image("raw");
  facts.target.machines.clear();
  return facts;
}

struct Expected {
  enum { kept, lost, blocked } where;
  const char* what;
  const char* text;     ///< a part of what it says
  const char* command;  ///< a part of the command; empty for none
};

/// One row for each kind of thing in the dumps that does not simply go along.
constexpr Expected kRows[] = {
    {Expected::blocked, "disk vdc", "is a block device", "qemu-img convert"},
    {Expected::kept, "disk vdd", "is on a server", ""},
    {Expected::blocked, "disk vde", "wants a password", ""},
    {Expected::lost, "cdrom sda", "the drive is empty then", "change-media rich sda FILE.iso --insert"},
    {Expected::lost, "network card 52:54:00:01:02:03", "was network default", "--network bridge:NAME"},
    {Expected::lost, "network card 52:54:00:01:02:04", "was bridge br0", "--network bridge:NAME"},
    {Expected::blocked, "network card 52:54:00:01:02:05", "was direct eth0", "--network user"},
    {Expected::lost, "cputune period", "cannot limit", ""},
    {Expected::lost, "cputune quota", "cannot limit", ""},
    {Expected::kept, "cputune shares", "cpu_weight=2048", ""},
    {Expected::kept, "memtune soft_limit", "memory_high_mib=256", ""},
    {Expected::lost, "memtune hard_limit", "cannot set", ""},
    {Expected::kept, "blkiotune weight", "io_weight=500", ""},
    {Expected::lost, "blkiotune device", "single devices", ""},
    {Expected::lost, "hugepages", "ordinary memory", ""},
    {Expected::lost, "locked memory", "may not lock", ""},
    {Expected::lost, "resource", "virtsession.slice", ""},
    {Expected::lost, "security", "runs as alice", ""},
    {Expected::blocked, "pci device", "cannot have", "edit rich"},
    {Expected::lost, "USB device", "may open it", ""},
    {Expected::lost, "shared folder /srv/share", "opened as alice", ""},
    {Expected::lost, "serial", "/var/log/rich.log cannot be used", ""},
    {Expected::kept, "rng", "/dev/urandom", ""},
    {Expected::lost, "vsock", "left out", ""},
    {Expected::lost, "QEMU's own arguments", "kept as they are", "dumpxml rich"},
};

}  // namespace

TEST_CASE("plan: each kind of thing in real definitions, to the session") {
  for (const char* version : {"9.0", "11.3", "12.8"}) {
    CAPTURE(version);
    const auto plan = make_plan({.vm = "rich", .network = {}, .to = {}}, rich_vm(version)).value();
    for (const auto& row : kRows) {
      CAPTURE(row.what);
      const auto& items = row.where == Expected::kept   ? plan.kept
                          : row.where == Expected::lost ? plan.losses
                                                        : plan.obstacles;
      const auto* item = find(items, row.what);
      REQUIRE(item);
      CHECK(has(item->text, row.text));
      CHECK(has(item->command, row.command));
      CHECK(item->command.empty() == (*row.command == '\0'));
    }
    // and nothing else is told
    CHECK(plan.kept.size() + plan.losses.size() + plan.obstacles.size() == std::size(kRows) + 1);  // serial's console

    for (const char* gone : {"hugepages", "<cputune>\n    <shares", "<quota", "memtune", "blkiotune", "<resource",
                             "seclabel", "/var/lib/libvirt", "/var/log", "type='network'>\n      <mac", "<vsock",
                             "hwrng", "mtu", "pool=", "install.iso"}) {
      CAPTURE(gone);
      CHECK_FALSE(has(plan.xml, gone));
    }
    for (const char* stays :
         {"<uuid>5d3e9a43-8f0c-4c36-9d5e-3c3f2a5b8e11</uuid>", "52:54:00:01:02:03", "<vcpupin", "All kinds of things",
          "passwd=\"geheim\"", "protocol=\"nbd\"", "org.qemu.guest_agent.0", "<qemu:arg value=\"other\"/>",
          "/home/alice/images/rich.qcow2", "/home/alice/images/vol.qcow2", "<boot order=\"1\"/>"}) {
      CAPTURE(stays);
      CHECK(has(plan.xml, stays));
    }
    // What the policy had wins; the rest is added.
    CHECK(has(plan.xml, R"({"cpu_weight":77,"io_weight":500,"memory_high_mib":256,"start_order":5})"));
  }
}

TEST_CASE("plan: firmware variables and the TPM's state go along") {
  auto facts = rich_vm("9.0");
  const auto plan = make_plan({.vm = "rich", .network = {}, .to = {}}, facts).value();
  const auto file = [&](FileKind kind) { return *std::ranges::find(plan.files, kind, &FilePlan::kind); };
  CHECK(file(FileKind::nvram).to == "/home/alice/nvram/rich_VARS.fd");
  CHECK(file(FileKind::nvram).replaces);
  CHECK_FALSE(file(FileKind::nvram).shared);
  CHECK(file(FileKind::tpm).to == "/home/alice/swtpm/5d3e9a43-8f0c-4c36-9d5e-3c3f2a5b8e11/tpm2/tpm2-00.permall");
  CHECK(plan.nvram == "/home/alice/nvram/rich_VARS.fd");
  CHECK(plan.tpm_folder == "/home/alice/swtpm/5d3e9a43-8f0c-4c36-9d5e-3c3f2a5b8e11");
  facts.source.others["twin"] = {"/var/lib/libvirt/qemu/nvram/rich_VARS.fd"};
  const auto with_twin = make_plan({.vm = "rich", .network = {}, .to = {}}, facts).value();
  CHECK(std::ranges::find(with_twin.files, FileKind::nvram, &FilePlan::kind)->shared);

  // As libvirt 11 writes what it chose, and at a path of its own.
  facts.source.xml = replaced(dump("9.0"), "<type arch=",
                              "<loader readonly='yes' type='pflash' format='raw'>/usr/share/OVMF/CODE.fd</loader>"
                              "<nvram template='/usr/share/OVMF/VARS.fd' format='raw'>/srv/nvram/x.fd</nvram>"
                              "<type arch=");
  facts.source.files["/srv/nvram/x.fd"] = image("raw");
  auto loader = image("raw");
  loader.readable_by_user = true;
  facts.source.files["/usr/share/OVMF/CODE.fd"] = loader;
  const auto other = make_plan({.vm = "rich", .network = {}, .to = {}}, facts).value();
  CHECK(has(other.xml, ">/home/alice/nvram/x.fd</nvram>"));
  CHECK(has(other.xml, ">/usr/share/OVMF/CODE.fd</loader>"));

  // A VM that was never started has none yet.
  facts = rich_vm("9.0");
  facts.source.files["/var/lib/libvirt/qemu/nvram/rich_VARS.fd"] = FileFacts{};
  facts.source.tpm_files.clear();
  const auto fresh = make_plan({.vm = "rich", .network = {}, .to = {}}, facts).value();
  for (const auto kind : {FileKind::nvram, FileKind::tpm})
    CHECK(std::ranges::count(fresh.files, kind, &FilePlan::kind) == 0);
  CHECK(fresh.nvram == plan.nvram);
  CHECK(fresh.tpm_folder == plan.tpm_folder);
}

TEST_CASE("plan: firmware variables do not go where another VM has its own") {
  auto facts = rich_vm("9.0");
  facts.target.others["twin"] = {"/home/alice/nvram/rich_VARS.fd"};
  const auto plan = make_plan({.vm = "rich", .network = {}, .to = {}}, facts).value();
  const auto* item = find(plan.obstacles, "firmware variables");
  REQUIRE(item);
  CHECK(has(item->text, "\"twin\" in qemu:///session has its own at /home/alice/nvram/rich_VARS.fd"));
  facts.target.others["twin"] = {"/home/alice/nvram/twin_VARS.fd"};
  CHECK_FALSE(find(make_plan({.vm = "rich", .network = {}, .to = {}}, facts)->obstacles, "firmware variables"));
}

TEST_CASE("plan: a disk moves with what it stands on, and its header names the new place") {
  const auto plan = plan_with("");
  REQUIRE(plan.files.size() == 2);
  CHECK(plan.obstacles.empty());
  CHECK(plan.files[0].kind == FileKind::backing_file);  // first what others stand on
  CHECK(plan.files[0].to == "/home/alice/images/base.qcow2");
  CHECK(plan.files[0].shared);
  CHECK(plan.files[1].to == "/home/alice/images/web.qcow2");
  CHECK(plan.files[1].backing == "/home/alice/images/base.qcow2");
  CHECK_FALSE(plan.files[1].shared);
  CHECK_FALSE(has(plan.xml, "backingStore"));
  CHECK(plan.autostart);
  CHECK(plan.bytes() == std::uint64_t{8} << 20);

  SUBCASE("a relative name that stays right is left alone") {
    auto facts = small_vm();
    facts.source.files["/var/lib/libvirt/images/web.qcow2"].image.backing = "base.qcow2";
    CHECK(make_plan({.vm = "web", .network = {}, .to = {}}, facts)->files[1].backing.empty());
  }
  SUBCASE("no file is written over") {
    auto facts = small_vm();
    facts.target.image_names = {"web.qcow2", "web-2.qcow2", "base.qcow2.part"};
    const auto other = make_plan({.vm = "web", .network = {}, .to = {}}, facts).value();
    CHECK(other.files[1].to == "/home/alice/images/web-3.qcow2");
    CHECK(other.files[0].to == "/home/alice/images/base-2.qcow2");
    CHECK(has(other.xml, "web-3.qcow2"));
  }
  SUBCASE("a disk of another VM is not among what may be deleted") {
    auto facts = small_vm();
    facts.source.others["db"] = {"/var/lib/libvirt/images/web.qcow2"};
    CHECK(make_plan({.vm = "web", .network = {}, .to = {}}, facts)->files[1].shared);
  }
  SUBCASE("nor is any, when it is not known what those stand on") {
    auto facts = small_vm();
    facts.source.others_are_known = false;
    CHECK(make_plan({.vm = "web", .network = {}, .to = {}}, facts)->files[1].shared);
  }
}

TEST_CASE("plan: what is in the way is named, with the command that clears it") {
  auto facts = small_vm();
  auto& web = facts.source.files["/var/lib/libvirt/images/web.qcow2"];
  const char* what = "";
  std::string text, command;
  SUBCASE("running") {
    facts.source.active = true;
    what = "state", text = "it runs", command = "virsh -c qemu:///system shutdown web";
  }
  SUBCASE("saved") {
    facts.source.managed_save = true;
    what = "state", text = "it is saved", command = "virsh -c qemu:///system start web";
  }
  SUBCASE("transient") {
    facts.source.persistent = false;
    what = "state", text = "transient";
  }
  SUBCASE("a backing file that cannot be read") {
    auto& base = facts.source.files["/var/lib/libvirt/images/base.qcow2"];
    base.kind = FileFacts::Kind::unreadable;
    base.reason = "Permission denied";
    what = "disk vda, backing file", text = "base.qcow2 cannot be read: Permission denied";
  }
  SUBCASE("a backing file that is not there") {
    facts.source.files.erase("/var/lib/libvirt/images/base.qcow2");
    what = "disk vda, backing file", text = "is not there";
  }
  SUBCASE("a backing file on a server") {
    web.image.backing = "nbd://x/y";
    what = "disk vda", text = "not a plain file: nbd://x/y";
  }
  SUBCASE("a device where a file is named") {
    web.kind = FileFacts::Kind::block_device;
    what = "disk vda", text = "is a block device", command = "qemu-img convert";
  }
  SUBCASE("data in another file") {
    web.image.has_data_file = true;
    what = "disk vda", text = "another file";
  }
  SUBCASE("encrypted") {
    web.image.encrypted = true;
    what = "disk vda", text = "its password is a secret of qemu:///system";
  }
  SUBCASE("not enough room") {
    facts.target.free_bytes = std::uint64_t{1} << 20;
    what = "room", text = "8 MiB are needed, and 1 MiB are free", command = "--to FOLDER";
  }
  SUBCASE("the name is taken") {
    facts.target.domains["web"] = "00000000-0000-0000-0000-000000000001";
    what = "name", text = "has a VM of this name already", command = "domrename web NEW-NAME";
  }
  SUBCASE("the uuid is taken") {
    facts.target.domains["old"] = facts.source.uuid;
    what = "uuid", text = "that of \"old\"", command = "--copy";
  }
  SUBCASE("no KVM") {
    facts.target.kvm = false;
    what = "accelerator", text = "alice may not use", command = "usermod -aG kvm alice";
  }
  SUBCASE("a machine type that is not there") {
    facts.target.machines = {"pc-q35-10.0"};
    what = "machine", text = "pc-q35-7.2";
  }
  SUBCASE("an external snapshot") {
    facts.source.snapshots.push_back(
        {"s1", "<domainsnapshot><name>s1</name><disks><disk name='vda' snapshot='external'/></disks></domainsnapshot>",
         true});
    // without --shallow it would write into what other VMs stand on
    what = "snapshot s1", text = "it is external", command = "blockcommit web vda --active --shallow --pivot --wait ";
  }
  SUBCASE("an image that QEMU would not open") {
    facts.source.files["/var/lib/libvirt/images/web.qcow2"].image.fault = "has a damaged header: it is";
    what = "disk vda", text = "its file /var/lib/libvirt/images/web.qcow2 has a damaged header: it is";
  }
  SUBCASE("a path that no image can name") {
    facts.target.images_folder = "/" + std::string(1100, 'x');
    what = "disk vda", text = "its backing file would have a path of 1112 bytes";
  }
  SUBCASE("an external snapshot of the memory alone") {
    // there is no layer to merge: a commit would go into the template
    facts.source.snapshots.push_back(
        {"s1",
         "<domainsnapshot><name>s1</name><memory snapshot='external' file='/m'/><disks><disk name='vda' "
         "snapshot='no'/></disks></domainsnapshot>",
         true});
    what = "snapshot s1", text = "it is external";
    command = "virsh -c qemu:///system snapshot-delete web s1 --metadata";
  }
  const auto plan = make_plan({.vm = "web", .network = {}, .to = {}}, facts).value();
  INFO(text_of(plan.obstacles));
  REQUIRE(plan.obstacles.size() == 1);
  CHECK(plan.obstacles[0].what == what);
  CHECK(has(plan.obstacles[0].text, text));
  CHECK(has(plan.obstacles[0].command, command));
  CHECK(has(plan.obstacles[0].command, "blockcommit") == has(command, "blockcommit"));
}

TEST_CASE("plan: devices that a session cannot have") {
  const auto blocks = [](const std::string& devices, const std::string& what) {
    CAPTURE(devices);
    const auto plan = plan_with(devices);
    CHECK(find(plan.obstacles, what) != nullptr);
    CHECK(plan.obstacles.size() == 1);
  };
  blocks("<hostdev mode='subsystem' type='mdev'/>", "mdev device");
  blocks("<interface type='hostdev'><mac address='a'/></interface>", "network card a");
  blocks("<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/></filesystem>", "shared folder /srv");
  blocks("<tpm><backend type='passthrough'/></tpm>", "TPM");
  blocks("<tpm><backend type='emulator'><encryption secret='x'/></backend></tpm>", "TPM");
  blocks("<memory model='nvdimm'><source><path>/dev/pmem0</path></source></memory>", "memory device");
  blocks("<lease><key>a</key></lease>", "lease");
  blocks("<disk type='file'><source file='/x'><encryption format='luks'/></source><target dev='vdb'/></disk>",
         "disk vdb");
}

TEST_CASE("plan: the network that was chosen") {
  const std::string card =
      "<interface type='network'><mac address='52:54:00:01:02:03'/><source network='default'/><vlan><tag "
      "id='5'/></vlan>"
      "<model type='virtio'/></interface>";
  auto request = Request{.vm = "web", .network = {NetworkChoice::Kind::bridge, "br7"}, .to = {}};
  auto plan = plan_with(card, request);
  CHECK(plan.obstacles.empty());
  CHECK(has(plan.xml,
            "<interface type=\"bridge\"><mac address=\"52:54:00:01:02:03\"/><model type=\"virtio\"/>"
            "<source bridge=\"br7\"/></interface>"));
  request.network = {NetworkChoice::Kind::passt, {}};
  plan = plan_with(card, request);
  CHECK(find(plan.obstacles, "network")->text == "this version of libvirt cannot use passt");

  auto facts = small_vm();
  facts.source.xml = replaced(facts.source.xml, "</devices>", card + "</devices>");
  facts.target.libvirt_version = 11003000;
  CHECK(find(make_plan(request, facts)->obstacles, "network")->command == "sudo apt-get install passt");
  facts.target.passt = true;
  plan = make_plan(request, facts).value();
  CHECK(plan.obstacles.empty());
  CHECK(has(plan.xml, "<backend type=\"passt\"/>"));
}

TEST_CASE("plan: to the system nothing is lost that it can have") {
  auto facts = small_vm();
  facts.source.xml = replaced(
      facts.source.xml, "</devices>",
      "<interface type='user'><mac address='a'/></interface><interface type='network'><source network='n'/></interface>"
      "<channel type='unix'><source mode='bind' path='/home/alice/.config/libvirt/qemu/channel/x'/>"
      "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
      "<disk type='file' device='cdrom'><source file='/home/alice/a.iso'/><target dev='sda'/></disk></devices>"
      "<cputune><shares>5</shares></cputune>");
  facts.source.files["/home/alice/a.iso"] = image("raw");
  facts.source.files["/home/alice/a.iso"].readable_by_user = true;  // which is not QEMU's user there
  const auto plan = make_plan(from_session(), facts).value();
  CHECK(plan.obstacles.empty());
  CHECK(plan.losses.size() == 1);
  CHECK(find(plan.losses, "cdrom sda"));
  for (const char* stays : {"type=\"user\"", "network=\"n\"", "<shares>5</shares>"}) CHECK(has(plan.xml, stays));
  CHECK_FALSE(has(plan.xml, "/.config/libvirt/"));
}

TEST_CASE("plan: a copy is another VM") {
  auto facts = small_vm();
  facts.source.xml = replaced(facts.source.xml, "</devices>",
                              "<interface type='user'><mac address='52:54:00:01:02:03'/></interface></devices>"
                              "<genid>77777777-2222-3333-4444-555555555555</genid>");
  facts.target.domains["other"] = facts.source.uuid;
  const auto plan = make_plan({.vm = "web", .network = {}, .to = {}, .copy = true}, facts).value();
  CHECK(plan.obstacles.empty());
  CHECK(plan.uuid == "11111111-2222-3333-4444-555555555555");
  CHECK(has(plan.xml, "<uuid>11111111-2222-3333-4444-555555555555</uuid>"));
  CHECK(has(plan.xml, "52:54:00:aa:aa:aa"));
  CHECK_FALSE(has(plan.xml, "genid"));
  CHECK_FALSE(plan.autostart);
}

TEST_CASE("plan: snapshots are told where their disks are now, and what the session refuses is out of them as well") {
  auto facts = small_vm();
  facts.source.snapshots.push_back(
      {"before",
       "<domainsnapshot><name>before</name><memory snapshot='internal'/><disks><disk name='vda' "
       "snapshot='internal'/></disks>" +
           replaced(facts.source.xml, "</devices>", "</devices><seclabel type='dynamic' model='dac'/>") +
           "</domainsnapshot>",
       true});
  const auto plan = make_plan({.vm = "web", .network = {}, .to = {}}, facts).value();
  REQUIRE(plan.snapshots.size() == 1);
  CHECK(plan.snapshots[0].current);
  CHECK(has(plan.snapshots[0].xml, "file=\"/home/alice/images/web.qcow2\""));
  CHECK_FALSE(has(plan.snapshots[0].xml, "seclabel"));
  CHECK(plan.losses.size() == 1);  // told once, of the VM
}

TEST_CASE("plan: XML that is not a domain's is an error") {
  auto facts = small_vm();
  facts.source.xml = "<domain";
  CHECK_FALSE(make_plan({.vm = "web", .network = {}, .to = {}}, facts));
  facts.source.xml = "<pool/>";
  CHECK_FALSE(make_plan({.vm = "web", .network = {}, .to = {}}, facts));
}
