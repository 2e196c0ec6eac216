// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../console.hpp"
#include "../forward_text.hpp"
#include "../policy_edit.hpp"
#include "../port_changes.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "util/host_ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// A forward is made within a moment, or it is known why not.
constexpr std::chrono::seconds kSettled{5};

struct PortsOptions {
  std::string vm;
  std::vector<std::string> changes;       ///< that have a sign
  std::vector<std::string> without_sign;  ///< that lack it
};

std::vector<Properties> forwards_of(const VmInfo& vm) {
  std::vector<Properties> rows;
  if (const auto& forwards = vm.value("Forwards"); forwards.is_array())
    for (const auto& row : forwards) rows.emplace_back(row);
  return rows;
}

Tone tone_of_state(const std::string& state) {
  if (state == "active") return Tone::good;
  if (state == "failed" || state == "impossible") return Tone::bad;
  return state == "next-start" ? Tone::warning : Tone::plain;
}

json as_json(const VmInfo& vm) {
  auto list = json::array();
  for (const auto& forward : forwards_of(vm)) {
    auto row = forward.json();
    row["uuid"] = vm.uuid();
    row["name"] = vm.name();
    list.push_back(std::move(row));
  }
  return list;
}

int show(Console& console, const PortsOptions& options) {
  auto client = looking_client();
  client.wait_for_libvirt();
  const auto vms = options.vm.empty() ? client.vms() : client.select({options.vm});
  auto rows = json::array();
  Table table({"VM", "HOST", "PROTOCOL", "GUEST PORT", "NIC", "STATE", "REASON"});
  for (const auto& vm : vms) {
    for (const auto& row : as_json(vm)) rows.push_back(row);
    for (const auto& forward : forwards_of(vm)) {
      const auto state = forward.text("state"), nic = forward.text("nic");
      table.add({{vm.name(), Tone::strong},
                 {forward_host_text(forward)},
                 {forward.text("protocol")},
                 {std::to_string(forward.number("guest_port"))},
                 {nic.empty() ? "-" : nic},
                 {state, tone_of_state(state)},
                 {forward.text("reason")}});
    }
  }
  if (console.json) {
    console.print_json(rows);
  } else if (!table.empty()) {
    table.print(console);
  } else if (console.out().is_terminal) {
    const auto word = vms.empty() ? "VM" : vms.front().command_word();
    console.note("No forwards. A free port of this host for the sshd of a guest:  virtsessionctl ports " + word +
                 " +auto:22");
  }
  return kOk;
}

HostPort host_port_of(const Properties& forward) {
  return {forward.text("host_address"), static_cast<std::uint16_t>(forward.number("host_port")),
          forward.text("protocol") == "udp" ? PortProtocol::udp : PortProtocol::tcp};
}

bool has_at(const VmInfo& vm, const HostPort& host) {
  return std::ranges::any_of(forwards_of(vm), [&](const Properties& forward) {
    return forward.text("state") != "impossible" && overlap(host_port_of(forward), host);
  });
}

/// Said before it is done. It is done nevertheless: the port may be free when the VM starts.
void warn_of_conflicts(Client& client, Console& console, const VmInfo& vm, const std::vector<PortSpec>& added) {
  const auto vms = client.vms();
  for (const auto& spec : added) {
    if (has_at(vm, spec.host)) continue;
    const auto other = std::ranges::find_if(
        vms, [&](const VmInfo& each) { return each.uuid() != vm.uuid() && has_at(each, spec.host); });
    if (other != vms.end())
      console.note(fmt::format("Note: VM {} has {}, too; only one of the two can have it at a time.",
                               quote(other->name()), to_text(spec.host)));
    else if (const auto trouble = trouble_with(spec.host))
      console.note(fmt::format("Note: {}.", printable(trouble->text)));
  }
}

std::optional<Properties> find_forward(const VmInfo& vm, const std::string& spec) {
  for (auto& forward : forwards_of(vm))
    if (forward.text("spec") == spec) return std::move(forward);
  return std::nullopt;
}

bool is_settled(const VmInfo& vm, const PortChanges& changes) {
  if (!vm.has("Forwards")) return true;  // an older virtsessiond
  const auto is_there = [&](const PortSpec& spec) {
    const auto forward = find_forward(vm, spec.text);
    return forward && (!vm.is_active() || forward->text("state") != "off");
  };
  return std::ranges::all_of(changes.added, is_there) &&
         std::ranges::none_of(changes.removed,
                              [&](const PortSpec& spec) { return find_forward(vm, spec.text).has_value(); });
}

bool waits_for_start(const VmInfo& vm, const std::vector<PortSpec>& specs) {
  return std::ranges::any_of(specs, [&](const PortSpec& spec) {
    const auto forward = find_forward(vm, spec.text);
    return forward && forward->text("state") == "next-start";
  });
}

bool is_for_ssh(const PortSpec& spec) { return spec.guest_port == 22 && spec.host.protocol == PortProtocol::tcp; }

/// What to do with new forwards.
void hint_at_next(Console& console, const VmInfo& vm, const std::vector<PortSpec>& added) {
  if (vm.is_active() && waits_for_start(vm, added))
    console.hint("To have it at once, with all that runs in the VM:  virtsessionctl save " + vm.command_word() +
                 "; virtsessionctl start " + vm.command_word());
  else if (std::ranges::any_of(added, is_for_ssh))
    console.hint("Log in:  virtsessionctl ssh " + std::string(vm.is_active() ? "" : "--start ") + vm.command_word());
}

/// \return whether the VM has the forward, or will have it
bool tell(Console& console, const VmInfo& vm, const Properties& forward) {
  const auto state = forward.text("state"), reason = printable(forward.text("reason"));
  const auto line = printable(vm.name()) + ": " + forward_text(forward);
  const auto why = reason.empty() ? "" : ": " + reason;
  if (state == "impossible") {
    console.error(line + ", cannot be" + why);
    return false;
  }
  console.print(line + (state == "active"   ? ", active"
                        : state == "failed" ? ", not now" + why + "; it is tried again"
                                            : ", from the next start on" + why));
  return true;
}

/// passt keeps what the policy has no more.
std::string what_stays(const VmInfo& vm, const PortSpec& removed) {
  for (const auto& forward : forwards_of(vm))
    if (forward.text("spec").empty() && forward.text("state") == "active" &&
        forward.number("guest_port") == removed.guest_port && host_port_of(forward) == removed.host)
      return printable(forward.text("reason"));
  return {};
}

int change(Console& console, const PortsOptions& options) {
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  const auto vm = client.select_one(options.vm);
  const auto changes = change_ports(vm, options.changes);
  if (!changes.added.empty() || !changes.removed.empty()) {
    warn_of_conflicts(client, console, vm, changes.added);
    set_policy(client, console, vm, {{"ports", changes.ports}});
  }
  auto now = vm;
  client.wait_for_change(
      vm.path,
      [&] {
        if (auto read = client.vm(vm.uuid())) now = *std::move(read);
        return is_settled(now, changes);
      },
      kSettled);
  if (console.json) {
    console.print_json({{"uuid", vm.uuid()}, {"name", vm.name()}, {"result", "done"}, {"forwards", as_json(now)}});
    return kOk;
  }
  bool possible = true;
  for (const auto& spec : changes.removed) {
    const auto stays = what_stays(now, spec);
    console.print(printable(vm.name()) + ": " + printable(spec.text) + " is removed" +
                  (stays.empty() ? "" : "; " + stays));
  }
  for (const auto& spec : changes.kept)
    console.print(printable(vm.name()) + ": " + printable(spec.text) + " is there already");
  for (const auto& spec : changes.added) {
    const auto forward = find_forward(now, spec.text);
    if (forward)
      possible = tell(console, now, *forward) && possible;
    else
      console.print(printable(vm.name()) + ": " + printable(spec.text) + " is in its policy");
  }
  if (possible) hint_at_next(console, now, changes.added);
  return possible ? kOk : kFailed;
}

}  // namespace

Verb add_ports(CLI::App& app) {
  const auto options = std::make_shared<PortsOptions>();
  auto* command = app.add_subcommand("ports", "Show or change which ports of this host lead into VMs")->group(kUse);
  command->add_option("VM", options->vm, "A VM; without one, all of them are shown");
  command->add_option("SPEC", options->without_sign, "Add a forward (+) or remove it (-)")->option_text("+SPEC|-SPEC");
  command->footer(
      "SPEC is [NIC/][HOSTADDRESS:]HOSTPORT:GUESTPORT[/tcp|/udp]. HOSTADDRESS is 127.0.0.1 unless it is given;\n"
      "HOSTPORT may be auto: a free port, which stays the same. All are the policy key ports of the VM. A running VM "
      "has\n"
      "a new forward at once where QEMU can make it, else from its next start on.\n"
      "Examples:\n"
      "  virtsessionctl ports web +auto:22 +8080:80\n"
      "  virtsessionctl ports web -8080:80\n"
      "  virtsessionctl ports dns +5353:53/udp");
  Verb verb{command, Completes::ports, [options](Console& console) {
              if (!options->without_sign.empty())
                throw Failure(kUsage, "ports: " + quote(options->without_sign.front()) + " has no sign",
                              "To add a forward:  +" + printable(options->without_sign.front()) + "\nTo remove it:  -" +
                                  printable(options->without_sign.front()));
              if (options->vm.empty() && !options->changes.empty())
                throw Failure(kUsage, "ports: VM is required before " + quote(options->changes.front()),
                              "See:  virtsessionctl help ports");
              return options->changes.empty() ? show(console, *options) : change(console, *options);
            }};
  verb.take = [options](std::vector<std::string>& words) {
    std::ranges::copy_if(words, std::back_inserter(options->changes), is_port_change);
    std::erase_if(words, is_port_change);
  };
  return verb;
}

}  // namespace virtsession::ctl
