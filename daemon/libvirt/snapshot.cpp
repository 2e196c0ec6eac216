// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/snapshot.hpp"

#include "libvirt/autostart_once.hpp"
#include "libvirt/domain_state.hpp"
#include "libvirt/domain_xml.hpp"
#include "libvirt/error.hpp"
#include "libvirt/policy_xml.hpp"
#include "libvirt/raii.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <array>
#include <utility>

namespace virtsession {
namespace {

constexpr const char* kTransient = "it is transient, and gone when it is off";

// Reads one domain, piece by piece. After the first error that concerns the whole domain, nothing more is asked.
class Reader {
 public:
  explicit Reader(virDomainPtr domain) : domain_(domain) {
    snapshot_.uuid = uuid_of(domain);
    snapshot_.name = virDomainGetName(domain);
  }

  std::optional<DomainRunState> read_run_state() {
    read_state();
    snapshot_.id = static_cast<int>(virDomainGetID(domain_));
    const bool is_all = !ended() && snapshot_.state != DomainState::unknown && snapshot_.active() &&
                        snapshot_.state != DomainState::shut_off && snapshot_.pause_reason != PauseReason::io_error;
    return is_all ? std::optional<DomainRunState>(std::move(snapshot_)) : std::nullopt;
  }

  Result<std::optional<DomainSnapshot>> read() {
    read_state();
    read_flags();
    read_policy();
    read_xml();
    if (vanished_) return std::optional<DomainSnapshot>();
    if (lost_) return *lost_;
    return std::optional<DomainSnapshot>(std::move(snapshot_));
  }

 private:
  bool ended() const { return vanished_ || lost_; }

  // Takes the error of a call that failed. \return it, when it concerns that call only
  std::optional<LibvirtError> failed() {
    const LibvirtError error = take_last_error();
    if (is_no_domain(error)) {
      vanished_ = true;
      return std::nullopt;
    }
    const Error ours = to_error(error, virDomainGetConnect(domain_));
    if (ours.code != ErrorCode::libvirt_unavailable) return error;
    lost_ = ours;
    return std::nullopt;
  }

  void read_state() {
    int state = 0;
    int reason = 0;
    if (virDomainGetState(domain_, &state, &reason, 0) == 0) {
      snapshot_.state = domain_state(state);
      snapshot_.state_reason = state_reason_text(state, reason);
      snapshot_.shutoff_reason = shutoff_reason(state, reason);
      snapshot_.pause_reason = pause_reason(state, reason);
      snapshot_.in_job = may_be_in_job(state, reason) && has_job();
    } else if (const auto error = failed()) {
      snapshot_.state_reason = error->message;
    }
  }

  // A domain that was paused when it was saved has the reason "migrating" for good once it was restored.
  bool has_job() {
    virDomainJobInfo job{};
    if (virDomainGetJobInfo(domain_, &job) == 0) return job.type != VIR_DOMAIN_JOB_NONE;
    failed();
    return true;
  }

  // A call that says 0 or 1 for a flag and -1 for an error.
  bool flag(int answer) {
    if (answer < 0) failed();
    return answer > 0;
  }

  void read_flags() {
    if (ended()) return;
    snapshot_.persistent = flag(virDomainIsPersistent(domain_));
    if (ended()) return;
    snapshot_.managed_save = flag(virDomainHasManagedSaveImage(domain_, 0));
    if (ended()) return;
    int autostart = 0;
    if (virDomainGetAutostart(domain_, &autostart) < 0) failed();
    snapshot_.autostart = autostart != 0;
    if (!ended()) snapshot_.autostart_once = autostart_once(domain_);
  }

  // A transient domain has no configuration to outlive it, so what runs is what there is.
  void read_policy() {
    if (ended()) return;
    const unsigned flags = snapshot_.persistent ? VIR_DOMAIN_AFFECT_CONFIG : VIR_DOMAIN_AFFECT_LIVE;
    const CString xml(virDomainGetMetadata(domain_, VIR_DOMAIN_METADATA_ELEMENT, kPolicyNamespace, flags));
    if (!xml) {
      const auto error = failed();
      if (error && error->code != VIR_ERR_NO_DOMAIN_METADATA && !is_not_supported(*error))
        snapshot_.policy_error = error->message;
      return;
    }
    if (auto text = parse_policy_xml(xml.get()))
      snapshot_.policy_text = *std::move(text);
    else
      snapshot_.policy_error = text.error().message;
  }

  void read_xml() {
    if (ended()) return;
    const CString xml(virDomainGetXMLDesc(domain_, 0));
    if (!xml) {
      failed();
      return;
    }
    auto parsed = parse_domain_xml(xml.get());
    if (!parsed) return;
    DomainXml details = std::move(parsed).value();
    snapshot_.title = std::move(details.title);
    snapshot_.id = details.id;
    snapshot_.memory_kib = details.memory_kib;
    snapshot_.agent_configured = details.agent_configured;
    snapshot_.agent_connected = details.agent_connected;
    snapshot_.networks = std::move(details.networks);
    snapshot_.vsock_cid = details.vsock_cid;
    read_forwards(std::move(details.forwards), std::move(details.own_forwards));
    snapshot_.move_mark = std::move(details.move_mark);
    snapshot_.disk_files = std::move(details.needed_files);
    snapshot_.usb_devices = std::move(details.usb_devices);
    snapshot_.restarts_on_poweroff = details.restarts_on_poweroff;
    snapshot_.appliance = details.is_guestfs && !snapshot_.persistent;
    if (snapshot_.pause_reason == PauseReason::io_error) read_disk_error(details.disk_files);
    snapshot_.save_blocker = snapshot_.persistent ? std::move(details.save_blocker) : kTransient;
  }

  // What the next start takes is in another definition where passt runs already, and where the VM is saved.
  void read_forwards(std::vector<Forward> forwards, std::vector<Forward> own) {
    const bool has_passt =
        std::ranges::any_of(snapshot_.networks, [](const Network& network) { return network.source == "passt"; });
    if (snapshot_.active()) {
      snapshot_.forwards = std::move(forwards);
      forwards = own = {};
    }
    if (has_passt && snapshot_.persistent && (snapshot_.active() || snapshot_.managed_save)) {
      const CString xml(snapshot_.active() ? virDomainGetXMLDesc(domain_, VIR_DOMAIN_XML_INACTIVE)
                                           : virDomainManagedSaveGetXMLDesc(domain_, 0));
      if (!xml) failed();
      if (auto next = parse_domain_xml(xml ? xml.get() : "")) {
        forwards = std::move(next->forwards);
        own = std::move(next->own_forwards);
      }
    }
    snapshot_.next_forwards = std::move(forwards);
    snapshot_.own_forwards = std::move(own);
  }

  // QEMU keeps the error of a disk until the guest goes on.
  void read_disk_error(const std::map<std::string, std::string>& files) {
    constexpr unsigned kMost = 64;
    std::array<virDomainDiskError, kMost> errors{};
    const int count = virDomainGetDiskErrors(domain_, errors.data(), kMost, 0);
    if (count < 0) failed();
    for (int i = 0; i < count; ++i) {
      const CString target(errors[static_cast<std::size_t>(i)].disk);
      if (!target || !snapshot_.disk_error.empty()) continue;
      const auto file = files.find(target.get());
      snapshot_.disk_error = std::string("disk ") + target.get();
      if (file != files.end()) {
        snapshot_.disk_error_path = file->second;
        snapshot_.disk_error += " (" + file->second + ")";
      }
      const bool full = errors[static_cast<std::size_t>(i)].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE;
      snapshot_.disk_error += full ? ": no space left" : ": I/O error";
    }
  }

  virDomainPtr domain_;
  DomainSnapshot snapshot_;
  bool vanished_ = false;
  std::optional<Error> lost_;
};

// The state and the id come from two calls. A domain that started or stopped between them is read again; an event is on
// its way for what changes after that.
bool is_torn(const DomainSnapshot& snapshot) {
  return snapshot.state != DomainState::unknown && snapshot.active() == (snapshot.state == DomainState::shut_off);
}

}  // namespace

std::string uuid_of(virDomainPtr domain) {
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  virDomainGetUUIDString(domain, uuid.data());
  return uuid.data();
}

Result<std::optional<DomainSnapshot>> read_snapshot(virDomainPtr domain) {
  auto read = Reader(domain).read();
  for (int again = 0; again < 2 && read && *read && is_torn(**read); ++again) read = Reader(domain).read();
  if (!read || !*read || !is_torn(**read)) return read;
  // It changes faster than it can be read: believe the state.
  DomainSnapshot snapshot = *std::move(read).value();
  if (snapshot.state == DomainState::shut_off) snapshot.id = -1;
  return std::optional<DomainSnapshot>(std::move(snapshot));
}

std::optional<DomainRunState> read_run_state(virDomainPtr domain) { return Reader(domain).read_run_state(); }

}  // namespace virtsession
