// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/network_rows.hpp"

#include "model/network_view.hpp"
#include "texts/translate.hpp"

namespace virtsession::window {

using namespace texts;

NetworkRows::NetworkRows(Shell& shell)
    : shell_(shell), rows_(std::make_unique<Rows>(virtsession::window::group(_("Network")))) {}

void NetworkRows::update(const VmInfo& vm) {
  rows_->clear();
  const auto uuid = vm.uuid();
  if (vm.has("Forwards")) {
    const auto line = forwards_line(vm);
    GtkWidget* const row = link_row(_("Forwarded Ports"),
                                    has_failed_forward(vm) ? line + (line.empty() ? "" : " · ") + _("one has failed")
                                    : line.empty()         ? _("None")
                                                           : line,
                                    [this, uuid] { shell_.show_forwards(uuid); });
    rows_->add(row);
  }
  const auto copied = [this](const std::string& text) { shell_.tell(text); };
  for (const auto& address : addresses_of(vm)) {
    GtkWidget* const row = action_row(address.address, address.note);
    adw_action_row_add_suffix(
        ADW_ACTION_ROW(row),
        icon_button("edit-copy-symbolic", filled(_("Copy {}"), address.address), [row, text = address.address, copied] {
          copy_to_clipboard(row, text);
          copied(_("Copied"));
        }));
    rows_->add(row);
  }
  if (const auto line = ssh_line(vm); !line.empty()) rows_->add(command_row(line, copied));
  for (const auto& nic : vm.value("Networks")) {
    const auto source = nic.value("source", std::string());
    rows_->add(action_row(nic.value("type", "") + (source.empty() ? "" : " (" + source + ")"), nic.value("mac", "")));
  }
  gtk_widget_set_visible(group(), !rows_->empty());
}

void NetworkRows::ask(const VmInfo& vm) {
  if (!vm.is_active() || !vm.has("Addresses")) return;
  shell_.supervisor().call_vm(vm.uuid(), "ListAddresses", nullptr, [](GVariant*, const CallError&) {
    // What it finds comes as a change of the property; that nobody could say is no news.
  });
}

}  // namespace virtsession::window
