// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../virtsessionctl/console.hpp"
#include "../virtsessionctl/text.hpp"
#include "doctor/words.hpp"
#include "exit_code.hpp"
#include "libvirt/error.hpp"
#include "libvirt/raii.hpp"
#include "libvirt/snapshot.hpp"
#include "plan.hpp"
#include "program.hpp"

#include <libvirt/virterror.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace virtsession::move {
namespace {

struct SystemVm {
  std::string name, uuid, state, marked;
};

SystemVm row_of(virDomainPtr domain) {
  SystemVm row;
  row.name = virDomainGetName(domain);
  row.uuid = uuid_of(domain);
  row.state = virDomainIsActive(domain) == 1                 ? "running"
              : virDomainHasManagedSaveImage(domain, 0) == 1 ? "saved"
                                                             : "shut off";
  int autostart = 0;
  row.marked = virDomainGetAutostart(domain, &autostart) == 0 && autostart == 1 ? "yes" : "no";
  virResetLastError();
  return row;
}

}  // namespace

int run_list(ctl::Console& console) {
  virSetErrorFunc(nullptr, [](void* /*opaque*/, virErrorPtr /*error*/) {});
  // Read-only needs no password by libvirt's own policy.
  const ConnectPtr connection(virConnectOpenReadOnly("qemu:///system"));
  virDomainPtr* listed = nullptr;
  const int count = connection ? virConnectListAllDomains(connection.get(), &listed, 0) : -1;
  if (count < 0) {
    console.error("qemu:///system does not answer: " + printable(take_last_error().message));
    return kFailed;
  }
  std::vector<SystemVm> rows;
  for (int i = 0; i < count; ++i) rows.push_back(row_of(DomainPtr(listed[i]).get()));
  std::free(listed);
  std::ranges::sort(rows, {}, &SystemVm::name);
  if (console.json) {
    auto list = nlohmann::json::array();
    for (const auto& row : rows)
      list.push_back(
          {{"Name", row.name}, {"Uuid", row.uuid}, {"State", row.state}, {"Autostart", row.marked == "yes"}});
    console.print_json(list);
    return kOk;
  }
  ctl::Table table({"NAME", "STATE", "AUTOSTART", "TO MOVE IT HERE"});
  for (const auto& row : rows)
    table.add({{row.name, ctl::Tone::strong},
               {row.state},
               {row.marked},
               {"virtsessionctl move " + shell_word(row.name) + " --dry-run"}});
  if (!table.empty()) table.print(console);
  if (rows.empty() && console.out().is_terminal) console.note("qemu:///system has no VMs");
  return kOk;
}

}  // namespace virtsession::move
