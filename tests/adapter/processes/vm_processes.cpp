// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/vm_processes.hpp"

#include "adapter/processes/fake_process.hpp"
#include "adapter/processes/libvirt_folders.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using test::FakeProcess;
using test::FakeQemu;
using test::LibvirtFolders;

constexpr auto kUuid = "30b28fa7-a062-4e2a-97d3-fba270664079";
constexpr auto kOther = "40b28fa7-a062-4e2a-97d3-fba270664079";

pid_t qemu_of(const std::string& name, const std::string& uuid = kUuid) {
  const auto found = find_vm_processes(name, uuid, 1);
  return found ? found->qemu : 0;
}

std::vector<pid_t> helpers_of(const std::string& name, int domain_id = 1) {
  const auto found = find_vm_processes(name, kUuid, domain_id);
  REQUIRE(found);
  return found->helpers;
}

TEST_CASE("QEMU is the process of the pid file, if the VM's UUID is on its command line") {
  LibvirtFolders folders;
  CHECK_FALSE(find_vm_processes("web", kUuid, 1));
  FakeQemu qemu(folders, "web", kUuid);
  FakeQemu other(folders, "db", kOther);
  CHECK(qemu_of("web") == qemu.pid());
  CHECK(qemu_of("db", kOther) == other.pid());
}

TEST_CASE("QEMU is found without a pid file, and in spite of one that leads elsewhere") {
  LibvirtFolders folders;
  FakeQemu qemu(folders, "old-name", kUuid);
  FakeQemu other(folders, "db", kOther);
  CHECK(qemu_of("web") == qemu.pid());
  folders.write_pid("web.pid", getpid());
  CHECK(qemu_of("web") == qemu.pid());
  folders.write_pid("web.pid", other.pid());
  CHECK(qemu_of("web") == qemu.pid());
  unsetenv("XDG_RUNTIME_DIR");
  CHECK(qemu_of("web") == qemu.pid());
}

TEST_CASE("A process that has the UUID elsewhere on its command line is not QEMU") {
  LibvirtFolders folders;
  FakeProcess virsh({"virsh", "destroy", kUuid});
  FakeProcess nearly({"qemu-system-x86_64", "-uuid", std::string(kUuid) + "0"});
  folders.write_pid("web.pid", virsh.pid());
  CHECK_FALSE(find_vm_processes("web", kUuid, 1));
}

TEST_CASE("Helpers are those of the run's pid files, wherever their kind has them") {
  LibvirtFolders folders;
  FakeQemu qemu(folders, "web", kUuid);
  std::vector<pid_t> expected;
  const FakeProcess swtpm({"swtpm", "socket", "--tpm2"});
  const FakeProcess passt({"passt", "--one-off"});
  const FakeProcess virtiofsd({"virtiofsd", "--fd=31"});
  const FakeProcess nbdkit({"nbdkit", "curl"});
  folders.write_pid("swtpm/1-web-swtpm.pid", swtpm.pid());
  folders.write_pid("passt/1-web-net0-passt.pid", passt.pid());
  folders.write_pid("1-web-fs0-fs.pid", virtiofsd.pid());
  folders.write_lib_pid("domain-1-web/nbdkit-libvirt-1-storage.pid", nbdkit.pid());
  for (const auto* helper : {&swtpm, &passt, &virtiofsd, &nbdkit}) expected.push_back(helper->pid());
  std::ranges::sort(expected);
  CHECK(helpers_of("web") == expected);
  CHECK(helpers_of("web", 2).empty());
  CHECK(helpers_of("we").empty());
}

TEST_CASE("A long name is cut in the names of helpers' files") {
  LibvirtFolders folders;
  const std::string name = "a-very-long-name-of-a-vm-2";
  FakeQemu qemu(folders, name, kUuid);
  const FakeProcess swtpm({"swtpm", "socket"});
  const FakeProcess nbdkit({"nbdkit", "ssh"});
  folders.write_pid("swtpm/1-a-very-long-name-of--swtpm.pid", swtpm.pid());
  folders.write_lib_pid("domain-1-a-very-long-name-of-/nbdkit-libvirt-1-storage.pid", nbdkit.pid());
  CHECK(helpers_of(name) ==
        std::vector<pid_t>{std::min(swtpm.pid(), nbdkit.pid()), std::max(swtpm.pid(), nbdkit.pid())});
}

TEST_CASE("A pid file that is left over names no helper, nor does another VM's that looks like one") {
  LibvirtFolders folders;
  FakeQemu qemu(folders, "web", kUuid);
  FakeQemu other(folders, "1-web-2", kOther);
  {
    const FakeProcess passt({"passt"});
    folders.write_pid("passt/1-web-net0-passt.pid", passt.pid());
    CHECK(helpers_of("web").size() == 1);
  }
  folders.write_pid("swtpm/1-web-swtpm.pid", 0);
  folders.write_pid("1-web.pid", qemu.pid());
  CHECK(helpers_of("web").empty());
}

TEST_CASE("Only the VM's QEMU is asked to end") {
  LibvirtFolders folders;
  FakeQemu other(folders, "db", kOther);
  folders.write_pid("web.pid", other.pid());
  const auto without = terminate_qemu("web", kUuid);
  REQUIRE_FALSE(without);
  CHECK(without.error() ==
        Error{ErrorCode::operation_failed, "Failed to terminate the QEMU of VM \"web\": it does not run"});
  FakeQemu qemu(folders, "web", kUuid);
  CHECK(terminate_qemu("web", kUuid));
  CHECK(qemu.wait() == SIGTERM);
  CHECK_FALSE(terminate_qemu("web", kUuid));
  CHECK(kill(other.pid(), 0) == 0);
  CHECK(qemu_of("db", kOther) == other.pid());
}

}  // namespace
}  // namespace virtsession
