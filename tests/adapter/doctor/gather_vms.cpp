// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/diagnose.hpp"
#include "doctor/gatherers.hpp"
#include "provoke.hpp"
#include "sample_facts.hpp"
#include "support/mount_namespace.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace virtsession::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("Without a libvirt that runs, VMs are read from its files") {
  const Elsewhere elsewhere;
  elsewhere.define("web", "<interface type='user'/>");
  elsewhere.define("db", "");
  elsewhere.write("config/libvirt/qemu/autostart/web.xml", "");
  elsewhere.write("config/libvirt/qemu/save/db.save", "saved");
  elsewhere.write("config/libvirt/qemu/networks/default.xml", "<network/>");
  elsewhere.write("config/libvirt/qemu/broken.xml", "<domain>");
  elsewhere.write("runtime/libvirt/qemu/run/db.xml",
                  "<domstatus><domain><name>db</name><uuid>uuid-of-db</uuid></domain></domstatus>");
  elsewhere.write("config/virtsession/config.json", R"({"defaults": {"start": "was-running"}})");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(!facts.domains_from_libvirt);
  REQUIRE(facts.domains.size() == 2);
  CHECK(facts.domains[0].name == "db");
  CHECK(facts.domains[0].active);
  CHECK(facts.domains[0].managed_save);
  CHECK(facts.domains[0].persistent);
  CHECK(!facts.domains[0].autostart);
  CHECK(facts.domains[1].autostart);
  CHECK(!facts.domains[1].active);
  CHECK(facts.policy_defaults.start == StartWhen::was_running);
  REQUIRE(facts.saves.size() == 1);
  CHECK(facts.saves[0].size == 5);
  CHECK(only(facts, "managed-save").severity == Severity::ok);
  REQUIRE(facts.unlisted.size() == 1);  // libvirt will not make a VM of it either
  CHECK(facts.unlisted[0].name == "broken");
  CHECK(only(facts, "definition-listed").severity == Severity::problem);
}

TEST_CASE("A port that a VM is to have, and that this process has") {
  const Elsewhere elsewhere;
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(fd.get(), 1) == 0);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  elsewhere.write("config/virtsession/config.json",
                  "{\"defaults\": {\"ports\": [\"" + std::to_string(ntohs(address.sin_port)) + ":22\"]}}");
  elsewhere.write("first_user_port", "1024\n");
  elsewhere.define("web", "<interface type='user'/>");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(only(facts, "port-free").text.find("is taken by adapter_doctor (pid " + std::to_string(getpid()) + ")") !=
        std::string::npos);
  CHECK(only(facts, "port-allowed").severity == Severity::ok);
}

TEST_CASE("By what a VM can be reached") {
  const Elsewhere elsewhere;
  elsewhere.define("web",
                   "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
                   "<vsock model='virtio'><cid auto='yes'/></vsock>");
  elsewhere.define("db", "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.domains[1].agent_channel);
  CHECK(facts.domains[1].vsock);
  CHECK_FALSE(facts.domains[0].agent_channel);
  CHECK_FALSE(facts.domains[0].vsock);
}

TEST_CASE("Disks that are no files here, and an empty drive") {
  const Elsewhere elsewhere;
  elsewhere.define("web",
                   "<disk type='network' device='disk'><source protocol='nbd' name='x'/><target dev='vda'/></disk>"
                   "<disk type='volume' device='disk'><source pool='far' volume='x'/><target dev='vdb'/></disk>"
                   "<disk type='file' device='cdrom'><target dev='sda'/></disk>");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.domains[0].images.empty());
  CHECK(facts.domains[0].remote_disks == std::vector<std::string>{"vda (nbd)", "vdb (a volume of pool far)"});
}

TEST_CASE("A disk at a unix socket, whose server is a service or is not") {
  const Elsewhere elsewhere;
  elsewhere.define("web",
                   "<disk type='network' device='disk'><source protocol='nbd'><host transport='unix' socket='/run/x'/>"
                   "</source><target dev='vda'/></disk>");
  const auto facts = gather_facts(elsewhere.options);
  REQUIRE(facts.domains[0].disk_sockets.size() == 1);
  CHECK(facts.domains[0].disk_sockets[0].target == "vda");
  CHECK(facts.domains[0].disk_sockets[0].path == "/run/x");
  CHECK(facts.domains[0].served_disks.empty());
}

TEST_CASE("Networks of the session, from libvirt's files") {
  const Elsewhere elsewhere;
  const auto network = [&](const std::string& name, const std::string& inside) {
    elsewhere.write("config/libvirt/qemu/networks/" + name + ".xml",
                    "<network><name>" + name + "</name>" + inside + "</network>");
  };
  network("lan", "<forward mode='bridge'/><bridge name='br0'/>");
  network("nat", "<forward/><bridge name='virbr0'/>");
  network("alone", "");
  elsewhere.write("config/libvirt/qemu/networks/broken.xml", "<network");
  elsewhere.write("config/libvirt/qemu/networks/autostart/lan.xml", "");
  elsewhere.write("runtime/libvirt/network/lib/nat.xml", "<networkstatus/>");
  const auto networks = gather_facts(elsewhere.options).session_networks;
  REQUIRE(networks.size() == 3);
  CHECK(networks[0].forward.empty());
  CHECK(networks[1].name == "lan");
  CHECK(networks[1].forward == "bridge");
  CHECK(networks[1].bridge == "br0");
  CHECK(networks[1].autostart);
  CHECK(!networks[1].active);
  CHECK(networks[2].forward == "nat");
  CHECK(networks[2].active);
}

TEST_CASE("A configuration that cannot be used leaves the built-in defaults") {
  const Elsewhere elsewhere;
  elsewhere.write("config/virtsession/config.json", R"({"defaults": {"start": "sometimes"}})");
  CHECK(gather_facts(elsewhere.options).policy_defaults == Policy());
}

TEST_CASE("A disk that is missing, one below an image, and one of somebody else") {
  Elsewhere elsewhere;
  const std::string missing = elsewhere.folder / "missing.img";
  elsewhere.define("web", Elsewhere::disk(missing));
  auto found = only(gather_facts(elsewhere.options), "disk-present");
  CHECK(found.severity == Severity::problem);
  CHECK(found.text == "vda (" + missing + ") does not exist");
  CHECK(found.fix == "virsh -c qemu:///session edit web");

  std::string head("QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\150\0\0\0\4\0\0\0\20\0\0\0\0\0\20\0\0", 32);
  head.resize(104);
  elsewhere.write("top.qcow2", head + "base");
  elsewhere.define("web", Elsewhere::disk(elsewhere.folder / "top.qcow2", "qcow2"));
  auto facts = gather_facts(elsewhere.options);
  CHECK(facts.domains[0].images[0].capacity == kMiB);
  CHECK(only(facts, "disk-present").text.find("stands on " + (elsewhere.folder / "base").string()) !=
        std::string::npos);
  elsewhere.write("base", "");
  CHECK(only(gather_facts(elsewhere.options), "disk-present").severity == Severity::ok);

  in_mount_namespace([&] {  // for its process
    REQUIRE(chmod(elsewhere.folder.path().c_str(), 0755) == 0);
    REQUIRE(chmod((elsewhere.folder / "top.qcow2").c_str(), 0600) == 0);
    REQUIRE(setgroups(0, nullptr) == 0);
    REQUIRE(setresgid(65534, 65534, 65534) == 0);
    REQUIRE(setresuid(65534, 65534, 65534) == 0);
    ImageFacts image;
    image.path = elsewhere.folder / "top.qcow2";
    gather_images({&image}, elsewhere.options);
    REQUIRE(image.state == ImageFacts::State::denied);
  });
}

TEST_CASE("An image that is a pipe, a folder, a loop of links or itself") {
  const Elsewhere elsewhere;
  const std::string pipe = elsewhere.folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink(elsewhere.folder / "loop", elsewhere.folder / "loop");
  std::string head("QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\150\0\0\0\12\0\0\0\20\0\0\0\0\0\20\0\0", 32);
  head.resize(104);
  elsewhere.write("self.qcow2", head + "self.qcow2");
  elsewhere.define("a", Elsewhere::disk(pipe, "qcow2"));
  elsewhere.define("b", Elsewhere::disk(elsewhere.folder.path(), "qcow2"));
  elsewhere.define("c", Elsewhere::disk(elsewhere.folder / "loop"));
  elsewhere.define("d", Elsewhere::disk(elsewhere.folder / "self.qcow2", "qcow2"));
  const auto facts = gather_facts(elsewhere.options);
  // The pipe hangs whoever opens it as a file; a folder is somebody's virtual FAT disk.
  std::string problems;
  for (const auto& finding : of(diagnose(facts), "disk-present"))
    if (finding.severity == Severity::problem) problems += finding.subject;
  CHECK(problems == "c");
}

TEST_CASE("A full file system in memory") {
  Elsewhere elsewhere;
  const std::string folder = elsewhere.folder / "small";
  fs::create_directory(folder);
  const std::string path = folder + "/web.img";
  elsewhere.define("web", Elsewhere::disk(path));
  in_mount_namespace([&] {
    mount_tmpfs(folder, 1024);
    write_text(path, "x");
    fs::resize_file(path, 100 * kMiB);
    const auto facts = gather_facts(elsewhere.options);
    const auto space = only(facts, "disk-space");
    REQUIRE(space.severity == Severity::problem);
    REQUIRE(space.subject == "web");
    REQUIRE(space.text.find("may still grow by 100 MiB: guests are paused") != std::string::npos);
    const auto filesystem = only(facts, "disk-filesystem");
    REQUIRE(filesystem.severity == Severity::warning);
    REQUIRE(filesystem.text.find("tmpfs at " + folder + ", in memory: it is lost") != std::string::npos);
  });
}

TEST_CASE("Which libvirt plain virsh means") {
  Elsewhere elsewhere;
  elsewhere.options.libvirt_variable = "qemu:///system";
  elsewhere.define("web", "");
  auto found = of(diagnose(gather_facts(elsewhere.options)), "uri-default");
  CHECK(found[0].text.find("by LIBVIRT_DEFAULT_URI in the environment; the 1 VM") != std::string::npos);
  CHECK(found[0].fix == "export LIBVIRT_DEFAULT_URI=qemu:///session");
  elsewhere.options.libvirt_variable = "";
  elsewhere.write("config/libvirt/libvirt.conf", "#uri_default = \"a\"\nuri_default = \"qemu:///user\"\n");
  elsewhere.write("etc/libvirt/libvirt.conf", "uri_default = \"qemu:///etc\"\n");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.uri.user_conf == "qemu:///user");
  CHECK(facts.uri.etc_conf == "qemu:///etc");
}

TEST_CASE("The environment is read as libvirt and systemd do") {
  in_mount_namespace([] {  // for its process
    for (const char* name : {"XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LIBVIRT_AUTOSTART"})
      unsetenv(name);
    setenv("HOME", "/home/ann", 1);
    setenv("LIBVIRT_DEFAULT_URI", "qemu:///system", 1);
    auto options = options_from_environment();
    REQUIRE(options.config_home == "/home/ann/.config");
    REQUIRE(options.session_bus == "");
    REQUIRE(options.libvirt_variable == "qemu:///system");
    REQUIRE(!options.libvirt_starts_nothing);
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    setenv("XDG_CONFIG_HOME", "relative", 1);
    setenv("LIBVIRT_AUTOSTART", "0", 1);
    options = options_from_environment();
    REQUIRE(options.session_bus == "unix:path=/run/user/7/bus");
    REQUIRE(options.config_home == "/home/ann/.config");
    REQUIRE(options.libvirt_starts_nothing);
  });
}

TEST_CASE("The system's libvirt: asleep, hanging, refusing, answering") {
  Elsewhere elsewhere;
  elsewhere.write("etc/libvirt/qemu/a.xml", "");
  Listener listener(elsewhere.folder / "run/libvirt/libvirt-sock-ro");
  // Somebody's real one may run here, and does not count: only who is behind this socket would.
  elsewhere.options.limit = std::chrono::milliseconds(500);
  {
    SystemLibvirtFacts asleep = find_system_libvirt(elsewhere.options, {});
    CHECK(asleep.answer == SystemLibvirtFacts::Answer::not_running);
    CHECK(asleep.definitions == 1);
  }
  const Spawned daemon("/bin/sleep", {"1000"}, "/usr/sbin/libvirtd");
  const auto facts = gather_facts(elsewhere.options);
  CHECK(facts.uri.system.answer == SystemLibvirtFacts::Answer::too_late);
  CHECK(only(facts, "uri-system-vms").fix == "sudo systemctl restart libvirtd");
  listener.end();  // which ends the thread that still waits

  fs::remove(elsewhere.folder / "run/libvirt/libvirt-sock-ro");
  const auto refused = ask_system_libvirt({}, "qemu+unix:///system?socket=/nonexistent/libvirt-sock-ro");
  CHECK(refused.answer == SystemLibvirtFacts::Answer::failed);
  CHECK(refused.error != "");
  const auto answered = ask_system_libvirt({}, "test:///default");
  CHECK(answered.answer == SystemLibvirtFacts::Answer::answered);
  CHECK(answered.vms == std::vector<std::string>{"test"});
}

TEST_CASE("libvirt's answer has what its files have, and the state") {
  const auto answer = ask_libvirt("test:///default", {});
  REQUIRE(answer.answered);
  CHECK(answer.version > 0);
  REQUIRE(answer.domains.size() == 1);
  CHECK(answer.domains[0].name == "test");
  CHECK(answer.domains[0].type == "test");
  CHECK(answer.domains[0].active);
  CHECK(!ask_libvirt("garbage:///", {}).answered);
}

/// A real session daemon of a user who is not root, as a terminal would fork it.
TEST_CASE("A real daemon of libvirt's that somebody forked: it is asked, and told to be a stray") {
  const std::string name(build::kDefaultDaemon);
  const auto* const user = getpwnam("games");
  REQUIRE(user);
  const Elsewhere elsewhere;
  for (const auto& entry : {elsewhere.folder.path(), elsewhere.folder / "config", elsewhere.folder / "runtime"})
    REQUIRE(chown(entry.c_str(), user->pw_uid, user->pw_gid) == 0);
  in_mount_namespace([&] {  // for its process
    REQUIRE(setgroups(0, nullptr) == 0);
    REQUIRE(setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0);
    REQUIRE(setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0);
    setenv("HOME", elsewhere.folder.path().c_str(), 1);
    setenv("XDG_CONFIG_HOME", elsewhere.options.config_home.c_str(), 1);
    setenv("XDG_CACHE_HOME", elsewhere.options.config_home.c_str(), 1);
    setenv("XDG_RUNTIME_DIR", elsewhere.options.runtime_dir.c_str(), 1);
    setenv("LIBVIRT_AUTOSTART", "0", 1);
    elsewhere.define("web", "<emulator>/usr/bin/qemu-system-x86_64</emulator>", "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa");
    GatherOptions options = elsewhere.options;
    options.limit = std::chrono::seconds(20);
    const Spawned daemon("/usr/sbin/" + name, {});
    DoctorFacts facts;
    wait_until("the daemon's socket", [&] {
      facts = gather_facts(options);
      return facts.libvirt.answer == LibvirtFacts::Answer::not_allowed_to_ask;
    });
    REQUIRE(of(diagnose(facts), "daemon-answers")[0].text.find("LIBVIRT_AUTOSTART=0") != std::string::npos);
    options.libvirt_starts_nothing = true;
    facts = gather_facts(options);
    REQUIRE(facts.libvirt.answer == LibvirtFacts::Answer::answered);
    REQUIRE(facts.domains_from_libvirt);
    const std::string pid = std::to_string(daemon.pid());
    REQUIRE(only(facts, "daemon-answers").text.find(name + " (pid " + pid) != std::string::npos);
    const auto strays = about(facts, "daemon-stray", name + " (pid " + pid + ")");
    REQUIRE(strays.size() == 1);
    REQUIRE(strays[0].severity == Severity::warning);
    REQUIRE(strays[0].fix == "kill " + pid + " && systemctl --user restart virtsessiond.service");
    REQUIRE(facts.limits.owner == "libvirt's daemon (pid " + pid + ")");
  });
}

TEST_CASE("Garbage, missing files and folders in place of files are all survived") {
  Elsewhere elsewhere;
  const std::string garbage = std::string(1, '\0') + "\xff<domain>\n= [ \" allow include /\n99999999999999999999 \x80";
  for (const char* name :
       {"config/libvirt/qemu.conf", "config/libvirt/libvirt.conf", "config/libvirt/qemu/x.xml",
        "config/libvirt/qemu/save/x.save", "config/virtsession/config.json", "etc/os-release", "etc/qemu/bridge.conf",
        "etc/libvirt/libvirt.conf", "sys/module/apparmor/parameters/enabled", "ping_group_range", "kvm",
        "sys/fs/cgroup/user.slice/memory.max", "runtime/libvirt/libvirt-sock", "runtime/libvirt/qemu/run/x.xml",
        "run/libvirt/libvirt-sock-ro"})
    elsewhere.write(name, garbage);
  auto facts = gather_facts(elsewhere.options);
  CHECK(facts.too_late.empty());
  CHECK(!diagnose(facts).empty());

  Elsewhere folders;
  for (const char* name : {"config/libvirt/qemu.conf/x", "config/libvirt/libvirt.conf/x", "config/libvirt/qemu/x.xml/x",
                           "config/virtsession/config.json/x", "etc/os-release/x", "etc/qemu/bridge.conf/x", "kvm/x",
                           "runtime/libvirt/libvirt-sock/x", "bin/qemu-system-x86_64/x", "bin/qemu-bridge-helper/x"})
    folders.write(name, "");
  facts = gather_facts(folders.options);
  CHECK(facts.too_late.empty());
  CHECK(facts.kvm.outcome == KvmFacts::Outcome::open_failed);
  CHECK(facts.qemu == "");

  GatherOptions nowhere;
  nowhere.config_home = nowhere.etc = nowhere.sys = nowhere.run = nowhere.kvm_device = "/nonexistent";
  CHECK(!diagnose(gather_facts(nowhere)).empty());
}

}  // namespace
}  // namespace virtsession::test
