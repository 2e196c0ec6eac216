// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_xml.hpp"

#include "libvirt/domain_events.hpp"
#include "libvirt/domain_state.hpp"

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include <string>

using namespace virtsession;

namespace {

DomainXml parsed(const std::string& xml) {
  auto domain = parse_domain_xml(xml);
  REQUIRE_MESSAGE(bool(domain), xml);
  return *domain;
}

}  // namespace

TEST_CASE("a running domain's XML tells its title, id, memory, networks and agent") {
  const DomainXml domain = parsed(R"(
    <domain type='qemu' id='7'><name>web</name><title>The &lt;web&gt; server</title>
      <memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory>
      <devices>
        <interface type='network'><mac address='52:54:00:00:00:01'/>
          <source network='default' portid='x' bridge='virbr0'/></interface>
        <interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/></interface>
        <interface type='bridge'><source network='lan' portid='x' bridge='br1'/></interface>
        <interface type='vhostuser'><source type='unix' path='/x'/><backend type='passt'/></interface>
        <interface type='user'><mac address='52:54:00:00:00:03'/><backend type='passt'/></interface>
        <interface type='user'/>
        <interface type='direct'><source dev='eth0' mode='bridge'/></interface>
        <interface type='ethernet'><alias name='ua-lan'/></interface>
        <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
        <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
      </devices>
    </domain>)");
  CHECK(domain.title == "The <web> server");
  CHECK(domain.id == 7);
  CHECK(domain.memory_kib == 2097152);
  CHECK(domain.agent_configured);
  CHECK(domain.agent_connected);
  const std::vector<Network> networks = {{"network", "default", "52:54:00:00:00:01", "net0"},
                                         {"bridge", "br0", "52:54:00:00:00:02", "net1"},
                                         {"bridge", "br1", "", "net2"},
                                         {"vhostuser", "passt", "", "net3"},
                                         {"user", "passt", "52:54:00:00:00:03", "net4"},
                                         {"user", "slirp", "", "net5"},
                                         {"direct", "eth0", "", "net6"},
                                         {"ethernet", "", "", "ua-lan"}};
  CHECK(domain.networks == networks);
}

TEST_CASE("an agent that has not opened its channel is configured and not connected") {
  const DomainXml domain = parsed(
      "<domain><devices><channel type='unix'>"
      "<target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/></channel></devices></domain>");
  CHECK(domain.agent_configured);
  CHECK_FALSE(domain.agent_connected);
}

TEST_CASE("a vsock has a CID when it is always the same, or the VM runs") {
  const auto cid = [](const std::string& vsock) {
    return parsed("<domain><devices>" + vsock + "</devices></domain>").vsock_cid;
  };
  CHECK(cid("<vsock model='virtio'><cid auto='yes' address='5'/></vsock>") == 5U);
  CHECK(cid("<vsock model='virtio'><cid auto='no' address='4294967294'/></vsock>") == 4294967294U);
  for (const char* odd : {"", "<vsock/>", "<vsock><cid auto='yes'/></vsock>", "<vsock><cid address='x'/></vsock>",
                          "<vsock><cid address='4294967296'/></vsock>"})
    CHECK_FALSE(cid(odd));
}

TEST_CASE("what is missing or odd keeps its default") {
  const DomainXml bare = parsed("<domain/>");
  CHECK(bare.id == -1);
  CHECK(bare.title.empty());
  CHECK(bare.memory_kib == 0);
  CHECK(bare.networks.empty());
  const DomainXml odd = parsed(
      "<domain id='x'><title><b/></title><memory>-3</memory><devices><interface/><channel/>text"
      "<channel><target/></channel></devices></domain>");
  CHECK(odd.id == -1);
  CHECK(odd.memory_kib == 0);
  CHECK(odd.networks == std::vector<Network>{{"", "", "", "net0"}});
  CHECK_FALSE(odd.agent_configured);
}

TEST_CASE("what keeps libvirt from saving a domain is told where the XML is certain") {
  const auto blocker = [](const std::string& devices, const std::string& rest = "") {
    return parsed("<domain>" + rest + "<devices>" + devices + "</devices></domain>").save_blocker;
  };
  const std::string address = "<source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>";
  CHECK(blocker("<hostdev mode='subsystem' type='pci'>" + address + "</hostdev>") ==
        "it has a host device (PCI 0000:01:00.0)");
  CHECK(blocker("<interface type='hostdev'>" + address + "</interface>") == "it has a host device (PCI 0000:01:00.0)");
  CHECK(blocker("<hostdev mode='subsystem' type='scsi_host'/>") == "it has a host device (a vhost-scsi controller)");
  CHECK(blocker("<shmem name='x'><model type='ivshmem-plain'/></shmem>") ==
        "it shares memory with the host (shmem \"x\")");
  CHECK(blocker("<disk type='file'><target dev='vdb'/><transient/></disk>") ==
        "what it writes to the disk vdb is not kept (transient)");
  const std::string invtsc = "<cpu><feature policy='require' name='invtsc'/></cpu>";
  CHECK(blocker("", invtsc) == "its CPU has the feature invtsc and its clock no TSC frequency");

  CHECK(blocker("", invtsc + "<clock><timer name='tsc' frequency='3000000000'/></clock>").empty());
  CHECK(blocker("", "<cpu><feature policy='disable' name='invtsc'/></cpu>").empty());
  CHECK(blocker("<filesystem type='mount'><target dir='share'/></filesystem>") ==
        "it shares the folder \"share\" with the host (9p)");
  CHECK(blocker("<filesystem type='mount'><driver type='virtiofs'/><target dir='share'/></filesystem>") ==
        "it shares the folder \"share\" with the host (virtiofs)");
  CHECK(blocker("<video><model type='virtio'><acceleration accel3d='yes'/></model></video>") ==
        "its graphics are accelerated (3D)");
  CHECK(blocker("<video><model type='virtio'><acceleration accel3d='no'/></model></video>").empty());
  CHECK(blocker("<disk type='file'><target dev='nvme0' bus='nvme'/></disk>") == "it has an emulated NVMe controller");
  const auto with_argument = [&](const std::string& value) {
    return blocker("",
                   "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg value='-device'/>"
                   "<q:arg value='" +
                       value + "'/></q:commandline>");
  };
  CHECK(with_argument("nvme,drive=d,serial=1") == "it has an emulated NVMe controller");
  CHECK(with_argument("{\"driver\":\"nvme\",\"id\":\"n\"}") == "it has an emulated NVMe controller");
  CHECK(with_argument("usb-tablet").empty());
  CHECK(blocker("<hostdev mode='subsystem' type='usb'/><hostdev mode='subsystem' type='scsi'/>").empty());
  CHECK(blocker("<hostdev mode='subsystem' type='pci'>" + address + "<teaming type='transient'/></hostdev>").empty());
  CHECK(blocker("<shmem name='x' role='master'/><disk type='file'/><interface type='user'/><hostdev/>").empty());
}

TEST_CASE("the mark of virtsession-move is read from its own namespace alone") {
  const auto mark_in = [](const std::string& metadata) {
    return parsed("<domain><metadata>" + metadata + "</metadata></domain>").move_mark;
  };
  const std::string xmlns = "xmlns:m='https://virtsession.org/move/1'";
  CHECK(mark_in("<a/><m:move " + xmlns + ">leaving</m:move>") == "leaving");
  CHECK(mark_in("<m:move " + xmlns + ">arriving</m:move>") == "arriving");
  CHECK(mark_in("<m:move " + xmlns + "/>") == "");
  CHECK(mark_in("<m:move xmlns:m='https://virtsession.org/policy/1'>leaving</m:move>") == "");
  CHECK(mark_in("<move>leaving</move>") == "");
}

TEST_CASE("a domain that libguestfs has made is known by its name or its metadata") {
  CHECK(parsed("<domain><name>guestfs-8sx2jq0wfk3j4h5d</name></domain>").is_guestfs);
  CHECK(
      parsed("<domain><name>a</name><metadata><g:x xmlns:g='http://libguestfs.org/'/></metadata></domain>").is_guestfs);
  CHECK_FALSE(parsed("<domain><name>my-guestfs-box</name><metadata><x/></metadata></domain>").is_guestfs);
}

TEST_CASE("a domain that restarts when its guest powers off says so") {
  CHECK(parsed("<domain><on_poweroff>restart</on_poweroff></domain>").restarts_on_poweroff);
  CHECK_FALSE(parsed("<domain><on_poweroff>destroy</on_poweroff></domain>").restarts_on_poweroff);
  CHECK_FALSE(parsed("<domain/>").restarts_on_poweroff);
}

TEST_CASE("what is no domain's XML is an error") {
  for (const char* xml : {"", "<domain>", "<network/>", "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>"}) {
    const auto domain = parse_domain_xml(xml);
    REQUIRE(!domain);
    CHECK(domain.error().code == ErrorCode::operation_failed);
    CHECK_FALSE(domain.error().message.empty());
  }
}

TEST_CASE("states and reasons are in virsh's words") {
  CHECK(domain_state(VIR_DOMAIN_PMSUSPENDED) == DomainState::pm_suspended);
  CHECK(domain_state(VIR_DOMAIN_SHUTDOWN) == DomainState::shutting_down);
  CHECK(domain_state(99) == DomainState::unknown);
  CHECK(state_reason_text(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED) == "booted");
  CHECK(state_reason_text(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP) == "event wakeup");
  CHECK(state_reason_text(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED) == "post-copy failed");
  CHECK(state_reason_text(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR) == "I/O error");
  CHECK(state_reason_text(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED) == "post-copy failed");
  CHECK(state_reason_text(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON) == "daemon");
  CHECK(state_reason_text(VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED) == "panicked");
  CHECK(state_reason_text(VIR_DOMAIN_NOSTATE, 0) == "unknown");
  CHECK(state_reason_text(VIR_DOMAIN_SHUTOFF, 99) == "unknown");
  CHECK(state_reason_text(VIR_DOMAIN_SHUTOFF, -1) == "unknown");
  CHECK(shutoff_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED) == ShutoffReason::crashed);
  CHECK(shutoff_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON) == ShutoffReason::daemon);
  CHECK(shutoff_reason(VIR_DOMAIN_SHUTOFF, 99) == ShutoffReason::unknown);
  CHECK(shutoff_reason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_CRASHED) == ShutoffReason::none);
  CHECK(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE));
  CHECK(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
  CHECK(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP));
  CHECK(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SNAPSHOT));
  CHECK_FALSE(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER));
  CHECK_FALSE(may_be_in_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED));
  CHECK_FALSE(may_be_in_job(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED));
}

TEST_CASE("what a domain needs of the host to start: files of disks, and USB devices by their ids") {
  const auto domain = parse_domain_xml(
      "<domain><devices>"
      "<disk><source file='/srv/a.qcow2'/><target dev='vda'/></disk>"
      "<disk device='cdrom'><source file='/srv/b.iso' startupPolicy='optional'/><target dev='sda'/></disk>"
      "<disk type='network'><source protocol='nbd' name='x'/><target dev='vdb'/></disk>"
      "<hostdev mode='subsystem' type='usb'><source><vendor id='0x046D'/><product id='0xc52b'/></source></hostdev>"
      "<hostdev mode='subsystem' type='usb'><source startupPolicy='optional'><vendor id='0x1234'/>"
      "<product id='0x5678'/></source></hostdev>"
      "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
      "<hostdev mode='subsystem' type='pci'><source><vendor id='0x1234'/><product id='0x5678'/></source></hostdev>"
      "</devices></domain>");
  REQUIRE(domain);
  CHECK(domain->needed_files == std::vector<std::string>{"/srv/a.qcow2"});
  CHECK(domain->usb_devices == std::vector<std::string>{"046d:c52b"});
}

TEST_CASE("who shut a domain down, and what is not the end of a domain, is told from the event's detail") {
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_GUEST) ==
        DomainEventKind::shutdown_by_guest);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_HOST) == DomainEventKind::shutdown_by_host);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED) == DomainEventKind::panicked);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED) == DomainEventKind::undefined);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED) == std::nullopt);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED) == DomainEventKind::paused);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR) == std::nullopt);
  CHECK(lifecycle_kind(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED) == DomainEventKind::resumed);
  CHECK(lifecycle_kind(99, 0) == std::nullopt);
  CHECK(extent_of(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED) == Extent::run_state);
  CHECK(extent_of(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED) == Extent::run_state);
  CHECK(extent_of(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR) == Extent::all);
  CHECK(extent_of(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT) == Extent::all);
}
