// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/diagnose.hpp"
#include "doctor/gatherers.hpp"
#include "doctor/kvm_probe.hpp"
#include "doctor/run_program.hpp"
#include "provoke.hpp"
#include "sample_facts.hpp"
#include "support/mount_namespace.hpp"
#include "util/bounded.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <future>

namespace virtsession::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

TEST_CASE("KVM that is not there, and a device that is not KVM") {
  Elsewhere elsewhere;
  auto facts = gather_facts(elsewhere.options);
  CHECK(facts.kvm.outcome == KvmFacts::Outcome::absent);
  CHECK(only(facts, "kvm-present").severity == Severity::warning);

  elsewhere.write("kvm", "no device");
  facts = gather_facts(elsewhere.options);
  CHECK(facts.kvm.outcome == KvmFacts::Outcome::create_failed);
  CHECK(only(facts, "kvm-usable").severity == Severity::problem);
  CHECK(only(facts, "kvm-present").severity == Severity::ok);
}

namespace {

/// Looks at a device of group audio as nobody.
template <class Look>
void with_device_of_audio(const Elsewhere& elsewhere, const std::string& device, Look look) {
  write_text(device, "");
  const auto* const group = getgrnam("audio");
  REQUIRE(group);
  REQUIRE(chown(device.c_str(), 0, group->gr_gid) == 0);
  REQUIRE(chmod(device.c_str(), 0660) == 0);
  REQUIRE(chmod(elsewhere.folder.path().c_str(), 0755) == 0);
  in_mount_namespace([&] {  // for its process
    REQUIRE(setgroups(0, nullptr) == 0);
    REQUIRE(setresgid(65534, 65534, 65534) == 0);
    REQUIRE(setresuid(65534, 65534, 65534) == 0);
    look();
  });
}

}  // namespace

TEST_CASE("A vsock device that this user may not open, and none") {
  Elsewhere elsewhere;
  const auto machine = gather_machine(elsewhere.options);
  CHECK(gather_vsock(elsewhere.options, machine).error == ENOENT);
  with_device_of_audio(elsewhere, elsewhere.options.vsock_device, [&] {
    const auto facts = gather_vsock(elsewhere.options, machine);
    REQUIRE(facts.error == EACCES);
    REQUIRE(facts.group == "audio");
    REQUIRE(facts.group_may_use);
    REQUIRE(!facts.in_group);
  });
  CHECK(gather_vsock(elsewhere.options, machine).error == 0);  // as root
}

TEST_CASE("KVM that this user may not open") {
  Elsewhere elsewhere;
  with_device_of_audio(elsewhere, elsewhere.options.kvm_device, [&] {
    const auto facts = gather_kvm(elsewhere.options, gather_machine(elsewhere.options));
    REQUIRE(facts.outcome == KvmFacts::Outcome::open_failed);
    REQUIRE(facts.error == EACCES);
    REQUIRE(facts.group == "audio");
    REQUIRE(facts.group_may_use);
    REQUIRE(!facts.in_group);
    auto sample = healthy();
    sample.kvm = facts;
    REQUIRE(only(sample, "kvm-accessible").fix == "sudo usermod -aG audio ann");
  });
}

TEST_CASE("KVM that hangs is given up on") {
  // Who opens a file that somebody has a lease on waits for as long as the kernel lets him, as with a device that
  // hangs.
  Elsewhere elsewhere;
  elsewhere.write("kvm", "");
  signal(SIGIO, SIG_IGN);
  const UniqueFd holder(open(elsewhere.options.kvm_device.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(fcntl(holder.get(), F_SETLEASE, F_WRLCK) == 0);
  const auto begin = Clock::now();
  const auto probe = probe_kvm(elsewhere.options.kvm_device, milliseconds(200));
  CHECK(Clock::now() - begin < std::chrono::seconds(5));
  CHECK(probe.hangs);
  CHECK(probe.step == KvmStep::open);

  elsewhere.options.limit = milliseconds(400);
  const auto facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "kvm-usable").text.find("it hangs") != std::string::npos);
  CHECK(only(facts, "doctor-complete").severity == Severity::ok);
}

TEST_CASE("This machine's KVM, whatever it is like, is judged in time") {
  const auto begin = Clock::now();
  const auto probe = probe_kvm("/dev/kvm", milliseconds(2000));
  CHECK(Clock::now() - begin < std::chrono::seconds(8));
  if (probe.step == KvmStep::done) CHECK(probe.error == 0);
}

TEST_CASE("What blocks is waited for until the deadline, and what throws says so") {
  auto held = std::make_shared<std::promise<void>>();
  Bounded<int> slow("test-slow", [wait = held->get_future().share()] {
    wait.wait();
    return 1;
  });
  CHECK(!slow.get(Clock::now() + milliseconds(50)));
  held->set_value();
  CHECK(slow.get(Clock::now() + std::chrono::seconds(30)) == 1);
  CHECK(slow.failure().empty());
  Bounded<int> broken("test-broken", []() -> int { throw std::runtime_error("no"); });
  CHECK(!broken.get(Clock::now() + std::chrono::seconds(30)));
  CHECK(broken.failure() == "no");
  wait_until("the threads' end", [] { return bounded_threads == 0; });

  // Once as many hang as may, nothing more is begun.
  auto gate = std::make_shared<std::promise<void>>();
  const auto opened = gate->get_future().share();
  std::vector<Bounded<int>> tasks;
  for (int i = 0; i < kMaxBoundedThreads; ++i)
    tasks.emplace_back("test-hangs", [opened] {
      opened.wait();
      return 1;
    });
  std::atomic<bool> ran = false;
  Bounded<int> refused("test-refused", [&ran] {
    ran = true;
    return 1;
  });
  CHECK(!refused.get(Clock::now()));
  gate->set_value();
  for (auto& task : tasks) CHECK(task.get(Clock::now() + std::chrono::seconds(30)) == 1);
  wait_until("the threads' end", [] { return bounded_threads == 0; });
  CHECK(!ran);
}

TEST_CASE("Programs: what they print, a failure, a hang, a flood") {
  CHECK(run_program({"/bin/echo", "hello"}, milliseconds(20000)) == "hello\n");
  CHECK(!run_program({"/bin/false"}, milliseconds(20000)));
  CHECK(!run_program({"/nonexistent"}, milliseconds(20000)));
  const auto begin = Clock::now();
  CHECK(!run_program({"/bin/sleep", "1000"}, milliseconds(100)));
  run_program({"/usr/bin/yes"}, milliseconds(300));
  CHECK(Clock::now() - begin < std::chrono::seconds(10));
  CHECK(run_program({"/usr/bin/env"}, milliseconds(20000)) == "PATH=/usr/local/bin:/usr/bin:/bin\n");
}

TEST_CASE("This machine's QEMU says which networks it has") {
  Elsewhere elsewhere;
  elsewhere.options.program_folders = {"/usr/bin"};
  elsewhere.options.limit = milliseconds(20000);
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.qemu == "/usr/bin/qemu-system-x86_64");
  CHECK(facts.network.qemu_user == true);
  CHECK(only(facts, "slirp").severity == Severity::ok);
}

TEST_CASE("qemu-img, where it is and where it is not") {
  Elsewhere elsewhere;
  CHECK(only(gather_facts(elsewhere.options), "qemu-img").severity == Severity::warning);
  elsewhere.program("qemu-img");
  CHECK(only(gather_facts(elsewhere.options), "qemu-img").severity == Severity::ok);
}

TEST_CASE("A QEMU without user networking, and one that prints something else") {
  Elsewhere elsewhere;
  elsewhere.program("qemu-system-x86_64");
  const std::string path = elsewhere.folder / "bin/qemu-system-x86_64";
  write_text(path, "#!/bin/sh\necho 'Available netdev backend types:'; echo socket; echo tap\n");
  CHECK(only(gather_facts(elsewhere.options), "slirp").severity == Severity::note);
  write_text(path, "#!/bin/sh\necho garbage\n");
  CHECK(of(diagnose(gather_facts(elsewhere.options)), "slirp").empty());
}

TEST_CASE("The bridge helper and its rules, as they are on the disk") {
  Elsewhere elsewhere;
  elsewhere.define("web", "<interface type='bridge'><source bridge='virbr0'/></interface>");
  CHECK(only(gather_facts(elsewhere.options), "bridge-helper").text.find("not installed") != std::string::npos);
  elsewhere.program("qemu-bridge-helper");
  elsewhere.write("etc/os-release", "ID=debian\n");
  const std::string helper = elsewhere.folder / "bin/qemu-bridge-helper";
  auto facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "bridge-helper").fix ==
        "sudo dpkg-statoverride --update --force-statoverride-add --add root root 4755 " + helper);
  CHECK(only(facts, "bridge-allowed").fix ==
        "sudo mkdir -p /etc/qemu && echo 'allow virbr0' | sudo tee -a /etc/qemu/bridge.conf");
  CHECK(only(facts, "bridge-exists").severity == Severity::problem);
  CHECK(only(facts, "bridge-tun").fix == "sudo modprobe tun");

  elsewhere.write("tun", "");
  REQUIRE(chmod(helper.c_str(), 04755) == 0);
  elsewhere.write("etc/qemu/bridge.conf", "include " + (elsewhere.folder / "etc/qemu/more.conf").string() + "\n");
  CHECK(gather_facts(elsewhere.options).network.acl == NetworkFacts::Acl::missing);  // what it includes is
  elsewhere.write("etc/qemu/more.conf", "allow virbr0\n");
  elsewhere.write("sys/class/net/virbr0/bridge/x", "");
  facts = gather_facts(elsewhere.options);
  for (const char* id : {"bridge-helper", "bridge-tun", "bridge-allowed", "bridge-exists"})
    CHECK(only(facts, id).severity == Severity::ok);

  elsewhere.write("etc/qemu/more.conf", "include " + (elsewhere.folder / "etc/qemu/more.conf").string() + "\n");
  CHECK(only(gather_facts(elsewhere.options), "bridge-allowed").severity == Severity::problem);
}

TEST_CASE("A bridge helper on a file system that ignores what it may do") {
  Elsewhere elsewhere;
  in_mount_namespace([&] {
    mount_tmpfs(elsewhere.folder / "bin", 64);
    elsewhere.program("qemu-bridge-helper");
    REQUIRE(chmod((elsewhere.folder / "bin/qemu-bridge-helper").c_str(), 04755) == 0);
    REQUIRE(!gather_network(elsewhere.options, "").helper_nosuid);
    remount_nosuid(elsewhere.folder / "bin");
    REQUIRE(gather_network(elsewhere.options, "").helper_nosuid);
  });
}

TEST_CASE("passt, and AppArmor's word on it") {
  Elsewhere elsewhere;
  elsewhere.program("passt");
  elsewhere.write("sys/module/apparmor/parameters/enabled", "Y\n");
  elsewhere.write("etc/apparmor.d/usr.bin.passt", "profile passt /usr/bin/passt {}\n");
  auto network = gather_network(elsewhere.options, "");
  CHECK(network.passt != "");
  CHECK(network.passt_profile);
  CHECK(!network.passt_profile_fits);
  elsewhere.write("etc/apparmor.d/usr.sbin.libvirtd", "  profile passt {\n");
  CHECK(gather_network(elsewhere.options, "").passt_profile_fits);
  CHECK(!gather_network(elsewhere.options, "").passt_rules_missing);
  elsewhere.write("etc/apparmor.d/usr.sbin.libvirtd", "profile passt {\n include if exists <abstractions/passt>\n");
  CHECK(gather_network(elsewhere.options, "").passt_rules_missing);
  elsewhere.write("etc/apparmor.d/abstractions/passt", "");
  CHECK(!gather_network(elsewhere.options, "").passt_rules_missing);
  elsewhere.write("etc/apparmor.d/disable/usr.bin.passt", "");
  CHECK(!gather_network(elsewhere.options, "").passt_profile);
}

TEST_CASE("Limits of this process, of qemu.conf and of the user's slice") {
  Elsewhere elsewhere;
  const auto user = "user-" + std::to_string(geteuid()) + ".slice";
  elsewhere.write("config/libvirt/qemu.conf", "max_core = \"unlimited\"\nmax_files = 5\nmax_processes = 0\n");
  elsewhere.write("sys/fs/cgroup/user.slice/" + user + "/memory.max", "1048576\n");
  elsewhere.write("sys/fs/cgroup/user.slice/" + user + "/pids.max", "max\n");
  elsewhere.define("web", "");
  auto facts = gather_facts(elsewhere.options);
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(facts.limits.owner == "this process");
  CHECK(facts.limits.open_files_soft == limit.rlim_cur);
  CHECK(facts.limits.conf_core == kUnlimited);
  CHECK(facts.limits.conf_files == 5);
  CHECK(!facts.limits.conf_processes);
  CHECK(only(facts, "limit-slice").fix == "sudo systemctl set-property " + user + " MemoryMax=infinity");

  elsewhere.write(
      "sys/fs/cgroup/user.slice/" + user + "/user@" + std::to_string(geteuid()) + ".service/init.scope/cgroup.procs",
      std::to_string(getppid()) + "\n1\n");
  CHECK(gather_facts(elsewhere.options).limits.owner == "the user manager (pid " + std::to_string(getppid()) + ")");
}

TEST_CASE("A small limit on files, and on what a file may hold") {
  Elsewhere elsewhere;
  in_mount_namespace([&] {  // for its process
    const rlimit few{100, 100};
    const rlimit small{1 << 20, 1 << 20};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto facts = gather_facts(elsewhere.options);
    REQUIRE(only(facts, "limit-open-files").severity == Severity::warning);
    REQUIRE(only(facts, "limit-file-size").text.find("files of 1 MiB only") != std::string::npos);
  });
}

}  // namespace
}  // namespace virtsession::test
