// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../console.hpp"
#include "../program.hpp"
#include "../ssh_reach.hpp"
#include "../ssh_words.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_up.hpp"
#include "util/files.hpp"
#include "util/user_folders.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace virtsession::ctl {
namespace {

constexpr double kTimeoutSec = 120;

struct SshOptions : Waiting {
  std::string target;               ///< [USER@]VM
  std::vector<std::string> words;   ///< ssh's, after --
  std::vector<std::string> before;  ///< others
  bool start = false, config = false, proxy = false;
};

struct Target {
  std::string user;  ///< or empty
  VmInfo vm;
};

/// A VM may have an @ in its name.
Target find_target(Client& client, const std::string& text) {
  const auto at = text.rfind('@');
  if (at == std::string::npos || client.vm(text)) return {"", client.select_one(text)};
  const auto user = text.substr(0, at);
  if (user.empty() || user.starts_with('-') || user.find_first_of(" \t\n\"'\\") != std::string::npos)
    throw Failure(kUsage, quote(user) + " is no user's name");
  return {user, client.select_one(text.substr(at + 1))};
}

/// The file of VMs' host keys; its folder is made. \throws Failure
std::string known_hosts_file() {
  const auto folder = own_folders().state + "/virtsession";
  if (const auto made = make_directories(folder); !made) throw Failure(kFailed, printable(made.error().message));
  return folder + "/known_hosts";
}

SshHost host_of(const Target& target) {
  return {target.vm.uuid(), ssh_name(target.vm), target.user, known_hosts_file()};
}

/// The command that leads to a VM's sshd from anywhere.
std::vector<std::string> proxy_words(const VmInfo& vm, const SshOptions& options) {
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  std::vector<std::string> words{unknown ? "virtsessionctl" : self.string(), "ssh", "--proxy"};
  if (options.start) words.emplace_back("--start");
  if (options.timeout_sec) words.insert(words.end(), {"--timeout", policy_value_text(*options.timeout_sec)});
  words.push_back(vm.uuid());
  return words;
}

int print_config(Console& console, const SshOptions& options) {
  auto client = looking_client();
  client.wait_for_libvirt();
  std::vector<Target> targets;
  if (options.target.empty())
    for (auto& vm : client.vms()) targets.push_back({"", std::move(vm)});
  else
    targets.push_back(find_target(client, options.target));
  console.print(
      "# Made by virtsessionctl ssh --config. For ssh, scp, rsync, VS Code, Ansible: put this into a file, and at the\n"
      "# beginning of ~/.ssh/config the line  Include FILE");
  for (const auto& target : targets) {
    console.print("");
    if (ssh_name(target.vm) != target.vm.name()) {
      console.print("# " + quote(target.vm.name()) + ", which is no name that ssh can have for a host");
      if (!options.target.empty())
        console.note(quote(target.vm.name()) + " is no name that ssh can have for a host: use  ssh " +
                     target.vm.uuid());
    }
    console.print_raw(ssh_config_block(host_of(target), proxy_words(target.vm, options)));
  }
  return kOk;
}

int connect(Console& console, const SshOptions& options) {
  if (!options.proxy && find_on_path("ssh").empty())
    throw Failure(kFailed, "ssh is not installed",
                  install_hint("Install it:  ", {"openssh-client", "openssh-clients", "openssh"}));
  VmWanted wanted{options.start, "virtsessionctl ssh --start "};
  auto client = client_for(console, wanted);
  const auto target = find_target(client, options.target);
  if (!target.user.empty()) wanted.start_command += target.user + "@";
  const auto reached = reach_sshd(
      client, console, target.vm, wanted,
      std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_sec.value_or(kTimeoutSec) * 1000)));
  if (options.proxy) {
    carry(reached.probe.connection);
    return kOk;
  }
  become(console, ssh_command(host_of(target), reached.endpoint, proxy_words(target.vm, options), options.words));
}

}  // namespace

Verb add_ssh(CLI::App& app) {
  const auto options = std::make_shared<SshOptions>();
  auto* command = app.add_subcommand("ssh", "Log into a VM by ssh, whatever its port or address is")->group(kUse);
  command->add_option("VM", options->target, "A VM, with USER@ before it if the user is another one there")
      ->option_text("[USER@]VM");
  command->add_option("SSH-ARGUMENT", options->before, "Options of ssh, and a command for the guest")
      ->option_text("-- SSH-ARGUMENT");
  command->add_flag("--start", options->start, "Start the VM if it is off");
  auto* config =
      command->add_flag("--config", options->config, "Print a block for ~/.ssh/config instead; without a VM, for all");
  command->add_flag("--proxy", options->proxy, "Carry bytes to and from the VM's sshd, as a ProxyCommand does")
      ->excludes(config);
  add_timeout(*command, *options, "Wait no longer than this until the guest's sshd answers (120)");
  command->footer(
      "  virtsessionctl ssh root@web\n"
      "  virtsessionctl ssh web -- -A -L 8080:localhost:80 uptime\n"
      "The way is a forward of the guest's port 22, else an address on a bridge, else vsock. To make a forward:\n"
      "  virtsessionctl ports web +auto:22\n"
      "Exits as ssh does. Host keys are kept for each VM in ~/.local/state/virtsession/known_hosts.");
  Verb verb{command, Completes::ssh, [options](Console& console) {
              if (!options->before.empty())
                throw Failure(
                    kUsage, "ssh: what is for ssh has to follow --",
                    "virtsessionctl ssh " + printable(options->target) + " -- " + printable(options->before.front()));
              if (options->target.empty() && !options->config)
                throw Failure(kUsage, "ssh: VM is required", "See:  virtsessionctl help ssh");
              if (!options->words.empty() && (options->config || options->proxy))
                throw Failure(kUsage, "there is no ssh here that could take " + quote(options->words.front()));
              return options->config ? print_config(console, *options) : connect(console, *options);
            }};
  verb.take = [options](std::vector<std::string>& words) {
    const auto dashes = std::ranges::find(words, "--");
    if (dashes == words.end()) return;
    options->words.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  };
  return verb;
}

}  // namespace virtsession::ctl
