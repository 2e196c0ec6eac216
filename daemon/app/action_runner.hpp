// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/open_requests.hpp"
#include "core/supervisor.hpp"
#include "desktop/notifications.hpp"
#include "link/libvirt_link.hpp"
#include "util/event_loop.hpp"
#include "util/unique_fd.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace virtsession {

/// Does what the core decided: to libvirt, the journal, the desktop, to who asked, and to QEMU itself. Main loop's
/// thread; what it is given outlives it.
class ActionRunner {
 public:
  /// A QEMU that was to be terminated has ended, or cannot be. Perhaps from inside run().
  using QemuEnded = std::function<void(const std::string& uuid)>;

  ActionRunner(EventLoop& loop, LibvirtLink& link, OpenRequests& requests, Notifications& notifications,
               QemuEnded qemu_ended)
      : loop_(loop),
        link_(link),
        requests_(requests),
        notifications_(notifications),
        qemu_ended_(std::move(qemu_ended)) {}

  void run(const Action& action);

 private:
  void perform(const RunOperation& action);
  void perform(const Answer& action);
  void perform(const JournalEntry& action);
  void perform(const Notice& action);
  void perform(const WithdrawNotice& action);
  void perform(const ReplaceLibvirt& action);
  void perform(const TerminateQemu& action);

  struct Terminated {
    UniqueFd process;
    EventSource ended;
  };

  EventLoop& loop_;
  LibvirtLink& link_;
  OpenRequests& requests_;
  Notifications& notifications_;
  QemuEnded qemu_ended_;
  std::map<std::string, Terminated> terminated_;  // by uuid: QEMUs whose end is waited for
};

}  // namespace virtsession
