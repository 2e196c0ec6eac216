// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../on_demand.hpp"

#include "../client.hpp"
#include "../console.hpp"
#include "../policy_edit.hpp"
#include "../program.hpp"
#include "../text.hpp"
#include "../user_units.hpp"
#include "../verb.hpp"
#include "util/files.hpp"
#include "util/unique_fd.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <regex>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

struct OnDemandOptions {
  std::string vm, ports, idle = "10min";
  bool remove = false;
};

const json kSaveFirst = {"save", "shutdown", "poweroff"};

/// \return 0, or errno of a program that wants to listen there
int why_not_listen(const HostPort& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.address.c_str(), std::to_string(host.port).c_str(), &hints, &list) != 0) return EADDRNOTAVAIL;
  const UniqueFd fd(socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // as systemd does: connections that have ended are no obstacle
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool done = bind(fd.get(), list->ai_addr, list->ai_addrlen) == 0 && listen(fd.get(), 1) == 0;
  const int error = done ? 0 : errno;
  freeaddrinfo(list);
  return error;
}

void require_free(const HostPort& host) {
  const int error = why_not_listen(host);
  if (error == 0) return;
  std::string hint;
  if (error == EADDRINUSE) hint = "Who has it:  ss -ltnp 'sport = :" + std::to_string(host.port) + "'";
  if (error == EACCES)
    hint = "Ports below the sysctl net.ipv4.ip_unprivileged_port_start are root's; take a higher one";
  throw Failure(kFailed, "nothing can listen on " + endpoint(host) + ": " + std::strerror(error), hint);
}

/// A port of 127.0.0.1 for the forward, from the VM's uuid, so that it is another one for each VM.
HostPort free_forward(const std::string& uuid, const std::vector<OnDemand>& others, const json& ports) {
  constexpr std::uint16_t kFirst = 30000, kCount = 2000;  // `auto` has those below
  const auto begin = std::hash<std::string>()(uuid) % kCount;
  for (std::uint16_t i = 0; i < kCount; ++i) {
    const HostPort host{.port = static_cast<std::uint16_t>(kFirst + (begin + i) % kCount)};
    const auto has_it = [&](const HostPort& other) { return other.port == host.port; };
    const bool is_planned = std::ranges::any_of(others, [&](const OnDemand& one) { return has_it(one.forward); }) ||
                            std::ranges::any_of(ports, [&](const json& text) {
                              const auto spec = parse_port_spec(text.get<std::string>());
                              return spec && has_it(spec->host);
                            });
    if (!is_planned && why_not_listen(host) == 0) return host;
  }
  throw Failure(kFailed, "no port of 127.0.0.1 is free between 30000 and 31999");
}

std::string find_proxy() {
  for (const char* const path : {"/usr/lib/systemd/systemd-socket-proxyd", "/lib/systemd/systemd-socket-proxyd"})
    if (access(path, X_OK) == 0) return path;
  throw Failure(kFailed, "systemd-socket-proxyd is not installed",
                install_hint("Install it:  ", {"systemd", "systemd", "systemd"}));
}

PortSpec parse_ports(const std::string& text) {
  const auto spec = parse_port_spec(text);
  if (!spec) throw Failure(kUsage, spec.error().message);
  if (spec->host.protocol == PortProtocol::udp || !spec->nic.empty())
    throw Failure(kUsage, "a VM can be started by TCP connections alone: [HOSTADDRESS:]HOSTPORT:GUESTPORT");
  if (spec->host.port == 0) throw Failure(kUsage, "the port of the host has to be a number: people connect to it");
  return *spec;
}

void require_time(const std::string& text) {
  static const std::regex kTime(
      R"(\s*([0-9]+(\.[0-9]+)?\s*(us|ms|s|sec|second|seconds|m|min|minute|minutes|h|hr|hour|hours|d|day|days)?\s*)+)");
  if (!std::regex_match(text, kTime))
    throw Failure(kUsage, "--idle: " + quote(text) + " is no time; for example 10min, 90s or 2h");
}

/// \throws Failure for a file that is somebody else's
void require_ours(const std::string& file) {
  const auto there = read_file(file);
  if (!there) throw Failure(kFailed, printable(there.error().message));
  if (*there && !is_ours(**there))
    throw Failure(kFailed, printable(file) + " was not made by virtsessionctl on-demand, and is not replaced",
                  "Look at it, and move it away if it is not needed.");
}

void write_unit(const std::string& file, const std::string& text) {
  auto done = make_directories(std::filesystem::path(file).parent_path().string());
  if (done) done = write_file_atomically(file, text, 0644);
  if (!done) throw Failure(kFailed, printable(done.error().message));
}

void remove_unit(const std::string& file) {
  const auto there = read_file(file);
  std::error_code ignored;
  if (there && *there && is_ours(**there)) std::filesystem::remove(file, ignored);
}

std::string drop_in_folder(const std::string& name) { return unit_folder() + "/" + unit_of_vm(name) + ".d"; }
std::string drop_in(const std::string& name) { return drop_in_folder(name) + "/virtsession-on-demand.conf"; }

bool has_user_nic(const VmInfo& vm) {
  return std::ranges::any_of(vm.value("Networks"), [](const json& nic) { return nic.value("type", "") == "user"; });
}

int add(Console& console, const OnDemandOptions& options) {
  const auto spec = parse_ports(options.ports);
  require_time(options.idle);
  const auto proxy = find_proxy();
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  const auto vm = client.select_one(options.vm);
  if (!has_user_nic(vm))
    throw Failure(kFailed,
                  quote(vm.name()) + " has no network card of type user, through which a port could lead to it",
                  "Add one while it is off:  virsh -c qemu:///session edit " + vm.command_word() +
                      "\nbelow <devices>:  <interface type='user'><model type='virtio'/></interface>");
  const auto known = read_on_demand(unit_folder());
  OnDemand one;
  one.uuid = vm.uuid();
  one.name = vm.name();
  one.listen = spec.host;
  one.guest_port = spec.guest_port;
  one.idle = options.idle;
  const auto before = std::ranges::find_if(known, [&](const OnDemand& each) { return each.unit() == one.unit(); });
  const bool again = before != known.end() && before->uuid == one.uuid;
  const auto& overrides = vm.value("PolicyOverrides");
  auto ports = vm.value("Policy").value("ports", json::array());
  auto keys = json::object();
  UserUnits units(client);
  if (again) {
    one.set_stop_actions = before->set_stop_actions;
    one.forward = before->forward;
    units.stop({one.unit() + ".socket"});
  } else {
    one.forward = free_forward(vm.uuid(), known, ports);
  }
  require_free(one.listen);
  if (std::ranges::find(ports, json(one.forward_spec())) == ports.end()) {
    ports.push_back(one.forward_spec());
    keys["ports"] = ports;
  }
  if (!overrides.contains("stop_actions")) {
    keys["stop_actions"] = kSaveFirst;
    one.set_stop_actions = true;
  }
  const auto base = unit_folder() + "/" + one.unit();
  for (const auto& file : {base + ".socket", base + ".service", drop_in(one.name)}) require_ours(file);
  if (!keys.empty()) set_policy(client, console, vm, keys);
  write_unit(base + ".socket", one.socket_text());
  write_unit(base + ".service", one.service_text(proxy, VIRTSESSION_VM_UNIT));
  write_unit(drop_in(one.name), vm_drop_in_text());
  units.reload();
  units.enable(one.unit() + ".socket");
  units.start(one.unit() + ".socket");
  if (console.json) {
    console.print_json({{"uuid", vm.uuid()}, {"name", vm.name()}, {"result", "done"}});
    return kOk;
  }
  console.print(printable(vm.name()) + ": a connection to " + endpoint(one.listen) +
                " starts it, and it stops when none is left for " + one.idle);
  if (one.set_stop_actions && keys.contains("stop_actions"))
    console.hint("It is saved then, and at a logout, too: its policy has stop_actions=save,shutdown,poweroff now.");
  if (vm.flag("Autostart"))
    console.hint("It starts at login as well, and is not stopped then. Not to have that:  virtsessionctl disable " +
                 vm.command_word());
  return kOk;
}

void remove_policy(Client& client, Console& console, const VmInfo& vm, const std::vector<OnDemand>& gone, bool last) {
  const auto& overrides = vm.value("PolicyOverrides");
  auto ports = overrides.value("ports", json::array());
  auto keys = json::object();
  std::vector<std::string> to_clear;
  const auto count = ports.size();
  for (const auto& one : gone)
    ports.erase(std::remove(ports.begin(), ports.end(), json(one.forward_spec())), ports.end());
  if (ports.size() != count && ports.empty())
    to_clear.emplace_back("ports");
  else if (ports.size() != count)
    keys["ports"] = ports;
  const bool set = std::ranges::any_of(gone, &OnDemand::set_stop_actions);
  if (last && set && overrides.value("stop_actions", json()) == kSaveFirst) to_clear.emplace_back("stop_actions");
  if (!keys.empty()) set_policy(client, console, vm, keys);
  if (!to_clear.empty()) clear_policy(client, console, vm, to_clear);
}

int remove(Console& console, const OnDemandOptions& options) {
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  const auto vm = client.vm(options.vm);  // one that is gone may have left its units
  const auto known = read_on_demand(unit_folder());
  std::vector<OnDemand> gone, stays;
  for (const auto& one : known) {
    const bool is_its = vm ? one.uuid == vm->uuid() : one.uuid == options.vm || one.name == options.vm;
    if (!is_its) continue;
    const bool is_meant = options.ports.empty() || one.listen == parse_ports(options.ports).host;
    (is_meant ? gone : stays).push_back(one);
  }
  if (gone.empty())
    throw Failure(
        vm ? kFailed : kNoSuchVm,
        vm ? quote(vm->name()) + (options.ports.empty() ? " is" : " is, at this port,") + " not started on demand"
           : "no VM has the name or uuid " + quote(options.vm),
        "Those that are:  virtsessionctl list");
  UserUnits units(client);
  std::vector<std::string> to_stop;
  for (const auto& one : gone) {
    to_stop.push_back(one.unit() + ".socket");
    to_stop.push_back(one.unit() + ".service");
    units.disable(one.unit() + ".socket");
  }
  if (stays.empty()) {  // first, so that the VM is not stopped because its proxy is gone
    for (const auto& one : gone) {
      remove_unit(drop_in(one.name));
      std::error_code ignored;
      std::filesystem::remove(drop_in_folder(one.name), ignored);
    }
    units.reload();
  }
  units.stop(to_stop);
  for (const auto& one : gone)
    for (const char* const end : {".socket", ".service"}) remove_unit(unit_folder() + "/" + one.unit() + end);
  units.reload();
  if (vm) remove_policy(client, console, *vm, gone, stays.empty());
  const auto name = vm ? vm->name() : gone.front().name;
  if (console.json)
    console.print_json({{"uuid", gone.front().uuid}, {"name", name}, {"result", "done"}});
  else
    console.print(printable(name) + ": is not started on demand any more");
  return kOk;
}

}  // namespace

Verb add_on_demand(CLI::App& app) {
  const auto options = std::make_shared<OnDemandOptions>();
  auto* command = app.add_subcommand("on-demand", "Start a VM by a connection to a port, and stop it when none is left")
                      ->group(kConfigure);
  command->add_option("VM", options->vm, "A name, a uuid or a pattern that fits one VM")->required();
  command->add_option("PORTS", options->ports,
                      "[HOSTADDRESS:]HOSTPORT:GUESTPORT; HOSTADDRESS is 127.0.0.1 if not given");
  auto* idle = command->add_option("--idle", options->idle, "How long nobody has been connected when it stops (10min)")
                   ->option_text("TIME");
  command->add_flag("--remove", options->remove, "Take all that away again")->excludes(idle);
  command->footer(
      "  virtsessionctl on-demand web 8080:80 --idle 30min\n"
      "makes a socket, a proxy and a forward. The first connection starts the VM by its policy, or restores it, and "
      "is\n"
      "served when the guest answers. The VM stops by its policy when nobody has been connected for that time; if it\n"
      "has no stop_actions of its own, it gets save,shutdown,poweroff. One that was started otherwise runs on.");
  return {command, Completes::vms, [options](Console& console) {
            if (options->remove) return remove(console, *options);
            if (options->ports.empty())
              throw Failure(kUsage, "on-demand: PORTS is required", "See:  virtsessionctl help on-demand");
            return add(console, *options);
          }};
}

}  // namespace virtsession::ctl
