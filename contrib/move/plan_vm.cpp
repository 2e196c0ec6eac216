// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planning.hpp"
#include "util/shell_word.hpp"

#include <algorithm>

namespace virtsession::move {

void plan_state(Planning& planning) {
  const auto& source = planning.facts.source;
  const bool ours = planning.request.from == Side::session;
  const auto shutdown =
      ours ? "virtsessionctl shutdown " + shell_word(source.name) : planning.virsh("shutdown") + "   # and wait";
  if (!source.persistent)
    planning.block("state", "it is transient: it is gone when it stops, and has nothing to move");
  else if (source.active)
    planning.block("state", "it runs: only a VM that is off is moved", shutdown);
  if (source.managed_save)
    planning.block("state", "it is saved, and what was saved fits its place here alone",
                   planning.virsh("start") + "   # then shut it down");
}

void plan_identity(Planning& planning) {
  const auto& target = planning.facts.target;
  auto& plan = planning.plan;
  if (planning.request.copy) {
    if (auto* uuid = child_to_change(planning.domain, "uuid")) set_text(uuid, plan.uuid);
    remove_children(planning.domain, "genid");  // which tells a guest that it is a copy: a new one is made
    if (auto* uuid = at_path(planning.domain, "sysinfo/system"))
      for (auto* entry : children(uuid, "entry"))
        if (attribute(entry, "name") == "uuid") set_text(entry, plan.uuid);
    std::size_t card = 0;
    for (auto* interface : children(planning.devices(), "interface"))
      if (auto* mac = child_to_change(interface, "mac"); mac && card < target.fresh_macs.size())
        set_attribute(mac, "address", target.fresh_macs[card++]);
    planning.lose("identity",
                  "the copy has a uuid and MAC addresses of its own: a guest may want to be activated again");
  }
  const auto uri = uri_of(planning.target());
  if (target.domains.contains(plan.name)) {
    planning.block("name", uri + " has a VM of this name already",
                   "virsh -c " + uri + " domrename " + shell_word(plan.name) + " NEW-NAME");
    return;
  }
  const auto same = std::ranges::find(target.domains, plan.uuid, [](const auto& entry) { return entry.second; });
  if (same != target.domains.end())
    planning.block("uuid", uri + " has it already: it is that of \"" + same->first + "\"",
                   "virtsessionctl move " + shell_word(plan.name) + " --copy");
}

void plan_machine(Planning& planning) {
  const auto& target = planning.facts.target;
  const auto type = attribute(planning.domain, "type").value_or("");
  if (type == "kvm" && !target.kvm)
    planning.block("accelerator", "it needs KVM, which " + target.user + " may not use",
                   "sudo usermod -aG kvm " + shell_word(target.user) + "   # then log in again");
  else if (type != "kvm" && type != "qemu")
    planning.block("accelerator", "a VM of type " + type + " is not QEMU's");
  const auto machine = attribute_at(planning.domain, "os/type", "machine");
  if (!target.machines.empty() && !machine.empty() && !target.machines.contains(machine))
    planning.block("machine", "QEMU has no machine type " + machine + " there");
  if (at_path(planning.domain, "launchSecurity") && planning.to_session())
    planning.block("launchSecurity", "memory encryption by the processor is not for a session", planning.virsh("edit"));
}

void plan_security(Planning& planning) {
  std::vector<xmlNode*> labels;
  const auto collect = [&](auto& self, xmlNode* parent) -> void {
    for (xmlNode* node = parent->children; node; node = node->next) {
      if (is_element(node, "seclabel"))
        labels.push_back(node);
      else if (node->type == XML_ELEMENT_NODE && !is_element(node, "metadata"))
        self(self, node);
    }
  };
  collect(collect, planning.domain);
  for (auto* label : labels) remove(label);
  if (planning.to_session())
    planning.lose("security", "it runs as " + planning.facts.target.user +
                                  ", and neither AppArmor nor SELinux keeps it from what this user may read");
}

void plan_arguments(Planning& planning) {
  if (child(planning.domain, "commandline") || child(planning.domain, "override"))
    planning.lose("QEMU's own arguments", "are kept as they are: files that they name are not moved",
                  planning.virsh("dumpxml"));
}

}  // namespace virtsession::move
