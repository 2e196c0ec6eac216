// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"

namespace virtsession::test {
namespace {

using State = ImageFacts::State;
using S = Severity;

constexpr std::int64_t kDay = 86400;
constexpr const char* kEditPolicy =
    "virsh -c qemu:///session metadata web https://virtsession.org/policy/1 --config --edit";

ImageFacts& image(DoctorFacts& facts) { return facts.domains[0].images[0]; }

void add_save(DoctorFacts& facts, const std::string& name, std::int64_t age) {
  facts.saves = {
      {name, "/home/ann/.config/libvirt/qemu/save/" + name + ".save", facts.machine.now_sec - age, 512 * kMiB}};
}

std::vector<CheckRow> policy_rows() {
  return {
      {"none", [](auto&) {}, "policy-usable", S::ok, "web", "no policy of its own", ""},
      {"good", [](auto& facts) { facts.domains[0].policy_text = R"({"start_order": 3})"; }, "policy-usable", S::ok,
       "web", "its own policy can be used", ""},
      {"a misspelt key", [](auto& facts) { facts.domains[0].policy_text = R"({"start_oder": 3})"; }, "policy-usable",
       S::warning, "web", "did you mean start_order?", kEditPolicy},
      {"no JSON", [](auto& facts) { facts.domains[0].policy_text = "start_order=3"; }, "policy-usable", S::warning,
       "web", "its policy has a mistake", kEditPolicy},
      {"no policy element", [](auto& facts) { facts.domains[0].policy_error = "it holds more than text"; },
       "policy-usable", S::warning, "web", "it holds more than text", kEditPolicy},
      {"virtsessiond's word",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].policy_problems = {"the sky is blue"};
       },
       "policy-usable", S::warning, "web", "the sky is blue", kEditPolicy},
      {"nothing in the way", [](auto& facts) { facts.supervised = supervised(); }, "policy-possible", S::ok, "web",
       "nothing is known", ""},
      {"a save that takes too long",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].not_done = {{"/sleep", "it is paused, not saved, when the host sleeps",
                                               "InhibitDelayMaxSec=43", ProblemCode::too_slow}};
       },
       "policy-possible", S::warning, "web", "it is paused, not saved, when the host sleeps",
       "sudoedit /etc/systemd/logind.conf   # InhibitDelayMaxSec=43"},
      {"a VM that cannot be saved",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].not_done = {{"/sleep", "it cannot be saved", "", ProblemCode::not_possible}};
       },
       "policy-possible", S::warning, "web", "it cannot be saved", kEditPolicy},
      {"a name with a blank",
       [](auto& facts) {
         facts.domains[0].name = "my web";
         facts.domains[0].policy_text = "{";
       },
       "policy-usable", S::warning, "my web", "mistake",
       "virsh -c qemu:///session metadata 'my web' https://virtsession.org/policy/1 --config --edit"},
      {"marked", [](auto&) {}, "policy-mark", S::ok, "web", "starts at login", ""},
      {"not marked", [](auto& facts) { facts.domains[0].autostart = false; }, "policy-mark", S::ok, "web", "not marked",
       ""},
      {"a policy without the mark",
       [](auto& facts) {
         facts.domains[0].autostart = false;
         facts.domains[0].policy_text = R"({"start_order": 3})";
       },
       "policy-mark", S::note, "web", "not marked to start at login", "virsh -c qemu:///session autostart web"},
      {"was-running needs no mark",
       [](auto& facts) {
         facts.domains[0].autostart = false;
         facts.domains[0].policy_text = R"({"start": "was-running"})";
       },
       "policy-mark", S::ok, "web", "if it ran before", ""},
      {"a mark that a policy undoes", [](auto& facts) { facts.domains[0].policy_text = R"({"start": "never"})"; },
       "policy-mark", S::note, "web", "start: never, which wins", "virsh -c qemu:///session autostart --disable web"},
      {"the default undoes the mark", [](auto& facts) { facts.policy_defaults.start = StartWhen::never; },
       "policy-mark", S::note, "web", "start: never, which wins", "virsh -c qemu:///session autostart --disable web"},
      {"well", [](auto&) {}, "policy-dependencies", S::ok, "web", "can be waited for", ""},
      {"a missing name", [](auto& facts) { facts.domains[0].policy_text = R"({"start_after": ["db"]})"; },
       "policy-dependencies", S::warning, "web", "db", kEditPolicy},
      {"a cycle",
       [](auto& facts) {
         facts.domains[0].policy_text = R"({"start_after": ["db"]})";
         facts.domains.push_back(good_domain());
         facts.domains[1].uuid = "other";
         facts.domains[1].name = "db";
         facts.domains[1].policy_text = R"({"start_after": ["web"]})";
       },
       "policy-dependencies", S::warning, "web", "circle", kEditPolicy},
  };
}

std::vector<CheckRow> save_rows() {
  return {
      {"none", [](auto&) {}, "managed-save", S::ok, "", "no VM is saved", ""},
      {"of a marked VM", [](auto& facts) { add_save(facts, "web", 3600); }, "managed-save", S::ok, "web",
       "512 MiB, from 60 min ago", ""},
      {"of a VM that nothing starts",
       [](auto& facts) {
         facts.domains[0].autostart = false;
         add_save(facts, "web", 3600);
       },
       "managed-save", S::note, "web", "waits for somebody", "virsh -c qemu:///session start web"},
      {"old", [](auto& facts) { add_save(facts, "web", 45 * kDay); }, "managed-save", S::warning, "web",
       "from 45 days ago", "virsh -c qemu:///session start web"},
      {"of nobody", [](auto& facts) { add_save(facts, "gone", kDay); }, "managed-save", S::note, "",
       "a VM that does not exist", ""},
      {"of a VM whose definition libvirt does not take",
       [](auto& facts) {
         facts.unlisted = {{"gone", "/home/ann/.config/libvirt/qemu/gone.xml", "no"}};
         add_save(facts, "gone", kDay);
       },
       "managed-save", S::note, "",
       "gone.save (512 MiB, from 24 h ago) is the saved state of a VM that libvirt does not "
       "list now",
       ""},
  };
}

std::vector<CheckRow> definition_rows() {
  constexpr const char* kPath = "/home/ann/.config/libvirt/qemu/w.xml";
  const auto unlisted = [=](const std::string& error) {
    return [=](DoctorFacts& facts) { facts.unlisted = {{"w", kPath, error}}; };
  };
  return {
      {"well", [](auto&) {}, "definition-listed", S::ok, "", "every definition", ""},
      {"that libvirt does not take", unlisted("XML error: oh"), "definition-listed", S::problem, "w",
       "/home/ann/.config/libvirt/qemu/w.xml is there, and libvirt does not list it: XML error: oh", ""},
      {"that libvirt does not take any more, since swtpm was removed; its words go on for lines",
       unlisted("unsupported configuration: TPM version '2.0' is not supported\nand more"), "definition-listed",
       S::problem, "w",
       "TPM version '2.0' is not supported; its TPM is emulated by swtpm, which is missing or too old. After you have",
       "sudo apt install swtpm swtpm-tools"},
      {"that came after libvirt had read the folder", unlisted(""), "definition-listed", S::problem, "w",
       "it has not read that file", "virtsessionctl restart-libvirt"},
      {"that is none, while libvirt is off",
       [=](auto& facts) {
         unlisted("")(facts);
         facts.domains_from_libvirt = false;
       },
       "definition-listed", S::problem, "w", "it is not the definition of a VM", ""},
  };
}

std::vector<CheckRow> failure_rows() {
  constexpr const char* kEdit = "virsh -c qemu:///session edit web";
  const auto failed = [](const std::string& words, bool gave_up = true) {
    return [=](DoctorFacts& facts) {
      facts.supervised = supervised();
      facts.supervised->vms[0].active = facts.domains[0].active = false;
      facts.supervised->vms[0].gave_up = gave_up;
      facts.supervised->vms[0].last_error = words;
    };
  };
  return {
      {"not known", [](auto&) {}, "vm-failed", S::ok, "", "virtsessiond, which was not asked", ""},
      {"none", [](auto& facts) { facts.supervised = supervised(); }, "vm-failed", S::ok, "", "no VM gave up", ""},
      {"off with an error", failed("it is Tuesday", false), "vm-failed", S::problem, "web",
       "it is off because of an error: it is Tuesday", ""},
      {"gave up", failed("it is Tuesday"), "vm-failed", S::problem, "web",
       "virtsession gave up starting it: it is Tuesday", ""},
      {"a socket's path is too long", failed("internal error: UNIX socket path '/home/ann/x/monitor.sock' too long"),
       "vm-failed", S::problem, "web", "give it a shorter name", ""},
      {"no swtpm", failed("Unable to find 'swtpm' binary in $PATH"), "vm-failed", S::problem, "web",
       "swtpm, which is missing", "sudo apt install swtpm swtpm-tools"},
      {"a USB device that is not plugged in", failed("Did not find USB device 1234:5678"), "vm-failed", S::problem,
       "web", "plug the device in", kEdit},
      {"a USB device, and no USB at all",
       failed("failed to start: cannot open directory '/sys/bus/usb/devices': No such file or directory"), "vm-failed",
       S::problem, "web", "plug the device in", kEdit},
      {"virtiofs on an old libvirt", failed("unsupported configuration: virtiofs is not yet supported in session mode"),
       "vm-failed", S::problem, "web", "virtiofs works in a session from libvirt 10.0 on", kEdit},
      {"one that waits after an error",
       [=](DoctorFacts& facts) {
         failed("Did not find USB device 1234:5678", false)(facts);
         facts.supervised->vms[0].waits = "USB device 1234:5678 is not plugged in";
       },
       "vm-failed", S::problem, "web", "it could not be started: Did not find USB device", kEdit},
      {"what VMs wait for is not known", [](auto&) {}, "vm-waits", S::ok, "", "virtsessiond, which was not asked", ""},
      {"no VM waits", [](auto& facts) { facts.supervised = supervised(); }, "vm-waits", S::ok, "", "no VM waits", ""},
      {"one waits for its mount",
       [](auto& facts) {
         facts.supervised = supervised();
         facts.supervised->vms[0].waits = "nothing is mounted at /srv/x";
       },
       "vm-waits", S::note, "web", "it is to be started, and waits: nothing is mounted at /srv/x", ""},
  };
}

std::vector<CheckRow> present_rows() {
  return {
      {"well", [](auto&) {}, "disk-present", S::ok, "web", "1 file", ""},
      {"missing", [](auto& facts) { image(facts).state = State::missing; }, "disk-present", S::problem, "web",
       "vda (/home/ann/web.qcow2) does not exist", "virsh -c qemu:///session edit web"},
      {"missing in a drive",
       [](auto& facts) {
         image(facts).state = State::missing;
         image(facts).cdrom = true;
       },
       "disk-present", S::problem, "web", "does not exist",
       "virsh -c qemu:///session change-media web vda --eject --config"},
      {"of somebody else",
       [](auto& facts) {
         image(facts).state = State::denied;
         image(facts).error = "Permission denied";
       },
       "disk-present", S::problem, "web", "may not be opened by ann: Permission denied",
       "sudo chown ann /home/ann/web.qcow2 && chmod u+rw /home/ann/web.qcow2"},
      {"a file server that is gone", [](auto& facts) { image(facts).state = State::too_late; }, "disk-present",
       S::problem, "web", "does not answer", ""},
      {"a broken disk",
       [](auto& facts) {
         image(facts).state = State::other_error;
         image(facts).error = "Input/output error";
       },
       "disk-present", S::problem, "web", "Input/output error", ""},
      {"the base is gone", [](auto& facts) { image(facts).missing_backing = "/srv/base.qcow2"; }, "disk-present",
       S::problem, "web", "stands on /srv/base.qcow2, which does not exist", ""},
  };
}

std::vector<CheckRow> space_rows() {
  return {
      {"well", [](auto&) {}, "disk-space", S::ok, "web", "/home has 100 GiB left", ""},
      {"promised more than there is", [](auto& facts) { image(facts).filesystem->available = 5 * kGiB; }, "disk-space",
       S::note, "web", "has 5 GiB left, and the disk images of 1 VM on it may still grow by 10 GiB", ""},
      {"little", [](auto& facts) { image(facts).filesystem->available = 2 * kGiB; }, "disk-space", S::warning, "web",
       "has 2 GiB left", ""},
      {"full", [](auto& facts) { image(facts).filesystem->available = 0; }, "disk-space", S::problem, "web",
       "guests are paused", ""},
      {"full, and nothing grows",
       [](auto& facts) {
         image(facts).filesystem->available = 0;
         image(facts).allocated = 20 * kGiB;
       },
       "disk-space", S::ok, "web", "may still grow by 0 bytes", ""},
      {"two VMs together",
       [](auto& facts) {
         facts.domains.push_back(good_domain());
         facts.domains[1].uuid = "other";
         facts.domains[1].name = "db";
         facts.domains[1].images[0].path = "/home/ann/db.qcow2";
         for (auto& domain : facts.domains) domain.images[0].filesystem->available = 15 * kGiB;
       },
       "disk-space", S::note, "", "of 2 VMs on it may still grow by 20 GiB", ""},
  };
}

std::string wait_for(const std::string& paths) {
  return "busctl --user call org.virtsession.Supervisor1 "
         "/org/virtsession/Supervisor1/vm/_6b4fb538_b287_4a87_a3f3_5d2335f1c9aa org.virtsession.Supervisor1.VM "
         "SetPolicy 'a{sv}a{sv}' 1 start_if_paths as " +
         paths + " 0";
}

std::vector<CheckRow> filesystem_rows() {
  const auto on = [](const std::string& type, const std::string& point) {
    return [=](DoctorFacts& facts) { image(facts).filesystem = FilesystemFacts{point, type, false, 100 * kGiB}; };
  };
  return {
      {"only a disk on the network",
       [](auto& facts) {
         facts.domains[0].images.clear();
         facts.domains[0].remote_disks = {"vda (nbd)"};
       },
       "disk-filesystem", S::ok, "web", "vda (nbd) is no file on this machine", ""},
      {"one there and one here", [](auto& facts) { facts.domains[0].remote_disks = {"vda (nbd)"}; }, "disk-filesystem",
       S::ok, "web", "its other disk images are on file systems of this machine", ""},
      {"well", [](auto&) {}, "disk-filesystem", S::ok, "web", "file systems of this machine", ""},
      {"memory", on("tmpfs", "/tmp"), "disk-filesystem", S::warning, "web", "lost at the next reboot", ""},
      {"a file server", on("nfs4", "/home"), "disk-filesystem", S::warning, "web", "a network file system, nfs4",
       wait_for("1 /home/ann/web.qcow2")},
      {"sshfs, with another path to wait for",
       [on](auto& facts) {
         on("fuse.sshfs", "/home/ann/far")(facts);
         facts.domains[0].policy_text = R"({"start_if_paths": ["/a b"]})";
       },
       "disk-filesystem", S::warning, "web", "fuse.sshfs", wait_for("2 '/a b' /home/ann/web.qcow2")},
      {"not started at login",
       [on](auto& facts) {
         on("cifs", "/mnt")(facts);
         facts.domains[0].autostart = false;
       },
       "disk-filesystem", S::note, "web", "slow or may be missing", ""},
      {"removable, waited for",
       [](auto& facts) {
         image(facts).filesystem = FilesystemFacts{"/media/usb", "ext4", true, 100 * kGiB};
         facts.domains[0].policy_text = R"({"start_if_paths": ["/media/usb"]})";
       },
       "disk-filesystem", S::ok, "web", "waits for at login", ""},
      {"FAT", on("vfat", "/mnt"), "disk-filesystem", S::warning, "web", "4 GiB", ""},
  };
}

std::vector<CheckRow> server_rows() {
  const auto served = [](auto& facts) {
    facts.domains[0].served_disks = {{"vda (/srv/a)", "a.service"}, {"vdb (/srv/b)", "b@1.service"}};
  };
  return {
      {"none", [](auto&) {}, "disk-unit", S::ok, "", "no disk is served by a service of yours", ""},
      {"of a VM that does not start at login",
       [=](auto& facts) {
         served(facts);
         facts.domains[0].autostart = facts.domains[0].active = false;
       },
       "disk-unit", S::note, "web", "vda (/srv/a) is served by a.service",
       "virtsessionctl policy web after_units=a.service,b@1.service"},
      {"stopped too early", served, "disk-unit", S::warning, "web", "a.service, b@1.service are stopped before the VM",
       "virtsessionctl policy web after_units=a.service,b@1.service"},
      {"one of them is",
       [=](auto& facts) {
         served(facts);
         facts.domains[0].policy_text = R"({"after_units": ["a.service"]})";
       },
       "disk-unit", S::warning, "web", "b@1.service is stopped before the VM",
       "virtsessionctl policy web after_units=a.service,b@1.service"},
      {"in order",
       [=](auto& facts) {
         served(facts);
         facts.domains[0].policy_text = R"({"after_units": ["a.service", "b@1.service"]})";
       },
       "disk-unit", S::ok, "web", "the VM stops before that", ""},
  };
}

}  // namespace

std::vector<CheckRow> vm_rows() {
  std::vector<CheckRow> rows;
  for (const auto& part : {policy_rows(), definition_rows(), failure_rows(), save_rows(), present_rows(), space_rows(),
                           filesystem_rows(), server_rows()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace virtsession::test
