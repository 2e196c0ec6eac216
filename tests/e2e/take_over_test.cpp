// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "util/now.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kTakeOver = "bb43d46258d144c7bca8d2dc1ce66818";

bool is_managed(Desktop& desktop) {
  return desktop.api().get_all(std::string(kRootPath), kManagerInterface).at("LibvirtManaged").get<bool>();
}

/// Empty when there is none.
std::string pids_of(Desktop& desktop, const std::string& program) {
  return desktop.host().exec({"pgrep", "-x", program}).out;
}

/// CLOCK_REALTIME, microseconds; 0 when it is not known.
std::uint64_t started_usec(Desktop& desktop, const std::string& name) {
  return desktop.vm(name).at("StartedUSec").get<std::uint64_t>();
}

void enable(Desktop& desktop) {
  desktop.systemctl({"enable", "--now", "virtsessiond.service"});
  desktop.wait_ready();
}

/// A libvirt daemon in the host's file system and outside of its PID namespace: to the user's session, what the
/// machine's is to a container that shares the user's folders.
class OutsideDaemon {
 public:
  explicit OutsideDaemon(const Host& host) {
    const auto uid = std::to_string(host.uid_of(kUser));
    const std::string script = "mount -t proc proc /proc && exec setpriv --reuid " + uid + " --regid " + uid +
                               " --clear-groups env -i PATH=/usr/sbin:/usr/bin HOME=" + host.home_of(kUser) +
                               " XDG_RUNTIME_DIR=/run/user/" + uid + " " + kLibvirtDaemon;
    const std::vector<std::string> command = {
        "nsenter", "--target", std::to_string(host.init_pid()), "--mount", "--", "unshare", "--mount", "sh",
        "-c",      script};
    std::vector<const char*> arguments;
    for (const auto& word : command) arguments.push_back(word.c_str());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      execvp(arguments[0], const_cast<char**>(arguments.data()));
      _exit(127);
    }
    wait_until(
        [&] {
          return host.exec({"test", "-S", "/run/user/" + uid + "/libvirt/" + kLibvirtSocket}).succeeded();
        },
        kSoon, "the daemon outside listens");
  }
  ~OutsideDaemon() { end(); }
  OutsideDaemon(const OutsideDaemon&) = delete;
  OutsideDaemon& operator=(const OutsideDaemon&) = delete;

  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a libvirt daemon that a client forked is taken over from: VMs run on, and the managed one has them") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  const auto first = desktop.define({.name = "a"});
  const auto second = desktop.define({.name = "b", .system = System::none});
  const auto later = desktop.define({.name = "c", .system = System::none});
  first.start();
  second.start();
  first.wait_ready();
  const auto stray = pids_of(desktop, kLibvirtDaemon);
  const auto stray_logd = pids_of(desktop, "virtlogd");
  const auto number = std::to_string(std::stoi(stray));
  REQUIRE(desktop.run({"cat", "/proc/" + number + "/cgroup"}).find("/session-") != std::string::npos);
  const auto pids = std::vector{first.qemu_pid(), second.qemu_pid()};

  const auto enabled = now().wall_usec;
  enable(desktop);
  CHECK(is_managed(desktop));
  CHECK(desktop.manager_text("LibvirtReason") == "connected");
  const auto managed = desktop.main_pid(kLibvirtUnit);
  CHECK(pids_of(desktop, kLibvirtDaemon) == std::to_string(managed) + "\n");
  CHECK(stray != std::to_string(managed) + "\n");
  CHECK(std::vector{first.qemu_pid(), second.qemu_pid()} == pids);
  CHECK(desktop.text("a", "Phase") == "running");
  CHECK(desktop.text("b", "Phase") == "running");
  wait_until([&] { return started_usec(desktop, "a") > 0; }, kSoon, "it is known when it was started");
  CHECK(started_usec(desktop, "a") < enabled);
  const auto told = desktop.run({"journalctl", "--user", "--output=cat", std::string("MESSAGE_ID=") + kTakeOver});
  CHECK(told.starts_with("Taking over from " + kLibvirtDaemon + " (PID " + number + ", in session-"));
  const auto found = ctl(desktop, {"doctor"}).out;
  INFO(found);
  CHECK(found.find("virtlogd (pid " + std::to_string(std::stoi(stray_logd)) + ") runs in ") != std::string::npos);
  CHECK(found.find("it keeps the console logs of VMs that were started with it") != std::string::npos);
  CHECK(found.find("belongs to a sandbox") == std::string::npos);

  // Clients reach the managed one, what they do is seen, and VMs can be started beside the log daemon of the first two.
  CHECK(desktop.virsh({"list", "--name"}).find("a\nb") != std::string::npos);
  CHECK(desktop.main_pid(kLibvirtUnit) == managed);
  later.start();
  desktop.wait_for("c", "State", "running");
  CHECK(pids_of(desktop, "virtlogd").find(stray_logd) != std::string::npos);
  const auto its_group = "/proc/" + std::to_string(std::stoi(stray_logd)) + "/cgroup";
  CHECK(desktop.run({"cat", its_group}).find("/virtsession.slice/virtsession-virtlogd-") != std::string::npos);
  first.shutdown();
  desktop.wait_for("a", "State", "shut-off", kLong);
  CHECK(first.count_on_console(kPowerDown) == 1);  // its log was kept to the end
  second.destroy();
  desktop.wait_for("b", "State", "shut-off");

  // The log daemon has nothing to keep then, and goes without the socket that is the managed one's.
  wait_until([&] { return pids_of(desktop, "virtlogd").find(stray_logd) == std::string::npos; }, kLong,
             "the stray virtlogd is gone");
  const auto logd = desktop.main_pid("virtsession-virtlogd.service");
  second.start();
  desktop.wait_for("b", "State", "running");
  CHECK(pids_of(desktop, "virtlogd") == std::to_string(logd) + "\n");
}

TEST_CASE("a libvirt daemon that a client forked while the managed one's socket was gone is taken over from as well") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  const auto runtime_dir = desktop.run({"sh", "-c", "echo $XDG_RUNTIME_DIR"});
  // Somebody tidies up, and the daemon is stopped: the next client finds no socket.
  desktop.systemctl({"stop", "virtsessiond.service"});
  desktop.run({"rm", runtime_dir + "/libvirt/" + kLibvirtSocket});
  desktop.systemctl({"stop", kLibvirtUnit});
  guest.start();
  const auto pid = guest.qemu_pid();
  const auto stray = pids_of(desktop, kLibvirtDaemon);
  desktop.systemctl({"start", "virtsessiond.service"});
  desktop.wait_ready();
  CHECK(is_managed(desktop));
  CHECK(pids_of(desktop, kLibvirtDaemon) == std::to_string(desktop.main_pid(kLibvirtUnit)) + "\n");
  CHECK(pids_of(desktop, kLibvirtDaemon) != stray);
  CHECK(guest.qemu_pid() == pid);
  CHECK(guest.state() == "running");
}

TEST_CASE(
    "a libvirt daemon that a client forked with folders of its own is left alone, which is told, and its VM runs on") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  desktop.run({"env", "XDG_CONFIG_HOME=/home/alice/other", "virsh", "-c", "qemu:///session", "list"});
  const auto guest = desktop.define({.name = "a", .system = System::none});
  REQUIRE(desktop.host().read_file("/home/alice/other/libvirt/qemu/a.xml"));
  guest.start();
  const auto pid = guest.qemu_pid();
  const auto stray = pids_of(desktop, kLibvirtDaemon);

  enable(desktop);
  CHECK_FALSE(is_managed(desktop));
  const auto reason = desktop.manager_text("LibvirtReason");
  INFO(reason);
  CHECK(reason.find("XDG_CONFIG_HOME is /home/alice/other, not /home/alice/.config") != std::string::npos);
  CHECK(pids_of(desktop, kLibvirtDaemon) == stray);
  desktop.wait_for("a", "Phase", "running");
  CHECK(desktop.flag("a", "Persistent"));
  const auto told = desktop.run({"journalctl", "--user", "--output=cat", std::string("MESSAGE_ID=") + kTakeOver});
  CHECK(told.starts_with("Not taking over from " + kLibvirtDaemon));
  CHECK(ctl(desktop, {"status"}).out.find("XDG_CONFIG_HOME is /home/alice/other") != std::string::npos);
  const auto found = ctl(desktop, {"doctor"}).out;
  CHECK(found.find("has other folders than what the user manager starts (XDG_CONFIG_HOME is /home/alice/other") !=
        std::string::npos);
  CHECK(found.find("kill " + std::to_string(std::stoi(stray))) == std::string::npos);

  desktop.systemctl({"restart", "virtsessiond.service"});
  desktop.wait_ready();
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
}

TEST_CASE("a libvirt daemon out of reach is supervised, says so, and is followed by the managed one") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  OutsideDaemon outside(desktop.host());
  desktop.define({.name = "a", .system = System::none});

  enable(desktop);
  CHECK_FALSE(is_managed(desktop));
  CHECK(desktop.manager_text("LibvirtReason") ==
        "supervising " + kLibvirtDaemon +
            " (in a sandbox), which is not managed by virtsession: it runs in a sandbox, out of reach; "
            "it saves all VMs by itself when the host shuts down");
  CHECK(desktop.main_pid(kLibvirtUnit) == 0);
  CHECK(desktop.text("a", "State") == "shut-off");
  const auto refused =
      wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "RestartLibvirt", VariantMap()));
  CHECK(refused.error_name == "org.virtsession.Supervisor1.Error.NotSupported");
  CHECK(refused.message == desktop.manager_text("LibvirtReason"));

  outside.end();
  wait_until([&] { return desktop.main_pid(kLibvirtUnit) > 0 && desktop.manager_text("LibvirtState") == "ready"; },
             kSoon, "the managed daemon is up");
  CHECK(is_managed(desktop));
  CHECK(desktop.manager_text("LibvirtReason") == "connected");
  CHECK(desktop.text("a", "State") == "shut-off");
}
