// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/vm_objects.hpp"

#include "core/utf8.hpp"
#include "dbus/address_rows.hpp"
#include "dbus/announce.hpp"
#include "dbus/errors.hpp"
#include "dbus/object_path.hpp"
#include "dbus/options.hpp"
#include "dbus/text.hpp"

#include <memory>
#include <utility>

namespace virtsession {

namespace {

std::vector<std::string> codes_of(const std::vector<Problem>& problems) {
  std::vector<std::string> codes;
  for (const Problem& problem : problems) codes.emplace_back(to_text(problem.code));
  return codes;
}

std::vector<std::string> changed_properties(const VmView& before, const VmView& now) {
  std::vector<std::string> names;
  const auto compare = [&](auto VmView::*member, const char* name) {
    if (before.*member != now.*member) names.emplace_back(name);
  };
  compare(&VmView::name, "Name");
  compare(&VmView::title, "Title");
  compare(&VmView::state, "State");
  compare(&VmView::state_reason, "StateReason");
  compare(&VmView::phase, "Phase");
  compare(&VmView::phase_reason, "PhaseReason");
  compare(&VmView::phase_since_usec, "PhaseSinceUSec");
  compare(&VmView::progress, "Progress");
  compare(&VmView::intent, "Intent");
  compare(&VmView::autostart, "Autostart");
  compare(&VmView::autostart_once, "AutostartOnce");
  compare(&VmView::persistent, "Persistent");
  compare(&VmView::managed_save, "ManagedSave");
  compare(&VmView::policy, "Policy");
  compare(&VmView::policy_overrides, "PolicyOverrides");
  compare(&VmView::policy_problems, "PolicyProblems");
  if (codes_of(before.policy_problems) != codes_of(now.policy_problems)) names.emplace_back("PolicyProblemCodes");
  compare(&VmView::last_error, "LastError");
  compare(&VmView::restart_count, "RestartCount");
  compare(&VmView::started_usec, "StartedUSec");
  compare(&VmView::networks, "Networks");
  compare(&VmView::addresses, "Addresses");
  compare(&VmView::forwards, "Forwards");
  compare(&VmView::scope, "Scope");
  return names;
}

}  // namespace

VmObjects::VmObjects(ObjectFamily& family, Requests& requests)
    : VM_adaptor(family), family_(family), requests_(requests) {
  // The adaptors of sdbus-c++ 1.2 have registered their members by now.
  [](auto& self) {
    if constexpr (requires { self.registerAdaptor(); }) self.registerAdaptor();
  }(*this);
  const auto find = [this](const char* path) -> ObjectFamily::Member* {
    const auto shown = shown_.find(path);
    return shown == shown_.end() ? nullptr : &shown->second;
  };
  const auto list = [this] {
    std::vector<std::string> paths;
    paths.reserve(shown_.size());
    for (const auto& entry : shown_) paths.push_back(entry.first);
    return paths;
  };
  family_.serve(INTERFACE_NAME, find, list);
}

VmObjects::~VmObjects() {
  for (const auto& [path, shown] : shown_) announce_end(path, shown);
}

void VmObjects::update(const VmView& view) {
  const auto path = object_path(view.uuid);
  const auto [shown, is_new] = shown_.try_emplace(path, family_);
  auto before = std::exchange(shown->second.view, with_valid_utf8(view));
  family_.turn_to(shown->second, path);
  if (is_new)
    announce("a new VM", [this] { object().emitInterfacesAddedSignal(); });
  else
    announce_changes(family_, INTERFACE_NAME, changed_properties(before, shown->second.view));
}

void VmObjects::remove(const std::string& uuid) {
  const auto shown = shown_.find(object_path(uuid));
  if (shown == shown_.end()) return;
  announce_end(shown->first, shown->second);
  shown_.erase(shown);
}

void VmObjects::announce_end(const std::string& path, const Shown& shown) {
  family_.turn_to(shown, path);
  announce("that a VM is gone", [this] { object().emitInterfacesRemovedSignal(); });
}

void VmObjects::call(const char* method, RequestKind kind, sdbus::Result<>&& result, const Read& read) {
  requests_.call(family_, std::string(method) + " of VM \"" + view().name + "\"", std::move(result), [&] {
    VmRequest request;
    request.uuid = view().uuid;
    request.kind = kind;
    read(request);
    return [request](Api& api, const Caller& caller, Api::Done done) {
      VmRequest known = request;
      known.caller = caller;
      api.request(known, std::move(done));
    };
  });
}

void VmObjects::set(const char* property, RequestKind kind, bool enable) {
  VmRequest request;
  request.uuid = view().uuid;
  request.kind = kind;
  request.enable = enable;
  requests_.set(family_, std::string("Setting ") + property + " of VM \"" + view().name + "\"", request);
}

void VmObjects::Start(sdbus::Result<>&& result, VariantMap options) {
  call("Start", RequestKind::start, std::move(result), [&](VmRequest& request) {
    const Options given(options, {"paused", "force_boot", "bypass_cache", "wait", "policy"});
    request.by_policy = given.boolean("policy", false);
    request.paused = given.boolean("paused", false);
    request.force_boot = given.boolean("force_boot", false);
    request.bypass_cache = given.boolean("bypass_cache", false);
    request.wait = given.boolean("wait", !request.by_policy);
    if (request.by_policy && (request.paused || request.force_boot || request.bypass_cache || request.wait))
      throw to_dbus_error({ErrorCode::invalid_args, "option \"policy\" goes with no other one"});
  });
}

void VmObjects::Shutdown(sdbus::Result<>&& result, VariantMap options) {
  call("Shutdown", RequestKind::shutdown, std::move(result), [&](VmRequest& request) {
    const Options given(options, {"wait", "timeout_sec"});
    request.wait = given.boolean("wait", true);
    request.timeout = given.seconds("timeout_sec");
  });
}

void VmObjects::Stop(sdbus::Result<>&& result, VariantMap options) {
  call("Stop", RequestKind::stop, std::move(result),
       [&](VmRequest& request) { request.wait = Options(options, {"wait"}).boolean("wait", true); });
}

void VmObjects::Save(sdbus::Result<>&& result, VariantMap options) {
  call("Save", RequestKind::save, std::move(result), [&](VmRequest& request) {
    request.bypass_cache = Options(options, {"bypass_cache"}).boolean("bypass_cache", false);
  });
}

void VmObjects::PowerOff(sdbus::Result<>&& result, VariantMap options) {
  call("PowerOff", RequestKind::power_off, std::move(result),
       [&](VmRequest& request) { request.graceful = Options(options, {"graceful"}).boolean("graceful", false); });
}

void VmObjects::Reboot(sdbus::Result<>&& result, VariantMap options) {
  call("Reboot", RequestKind::reboot, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObjects::Pause(sdbus::Result<>&& result, VariantMap options) {
  call("Pause", RequestKind::pause, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObjects::Resume(sdbus::Result<>&& result, VariantMap options) {
  call("Resume", RequestKind::resume, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObjects::SetAutostart(sdbus::Result<>&& result, bool enable, VariantMap options) {
  call("SetAutostart", RequestKind::set_autostart, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    request.enable = enable;
  });
}

void VmObjects::SetAutostartOnce(sdbus::Result<>&& result, bool enable, VariantMap options) {
  call("SetAutostartOnce", RequestKind::set_autostart_once, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    request.enable = enable;
  });
}

void VmObjects::SetPolicy(sdbus::Result<>&& result, VariantMap policy, VariantMap options) {
  call("SetPolicy", RequestKind::set_policy, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    auto keys = to_json(policy);
    if (!keys) throw to_dbus_error(keys.error());
    request.policy = std::move(keys).value();
  });
}

void VmObjects::ClearPolicy(sdbus::Result<>&& result, VariantMap options) {
  call("ClearPolicy", RequestKind::clear_policy, std::move(result), [&](VmRequest& request) {
    request.keys = Options(options, {"keys"}).strings("keys").value_or(std::vector<std::string>());
  });
}

void VmObjects::ResetFailed(sdbus::Result<>&& result, VariantMap options) {
  call("ResetFailed", RequestKind::reset_failed, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObjects::ListAddresses(sdbus::Result<std::vector<VariantMap>>&& result, VariantMap options) {
  using Result = sdbus::Result<std::vector<VariantMap>>;
  const auto shared = std::make_shared<Result>(std::move(result));
  // The VM may be gone by then.
  const auto send = [shared, uuid = view().uuid, &api = requests_.api()](const sdbus::Error* error) {
    if (error)
      shared->returnError(*error);
    else
      shared->returnResults(to_rows(api.addresses(uuid)));
  };
  requests_.call(family_, "ListAddresses of VM \"" + view().name + "\"", send, [&] {
    expect_no_options(options);
    VmRequest request;
    request.uuid = view().uuid;
    request.kind = RequestKind::list_addresses;
    return [request](Api& api, const Caller& caller, Api::Done done) {
      VmRequest known = request;
      known.caller = caller;
      api.request(known, std::move(done));
    };
  });
}

std::string VmObjects::Uuid() { return view().uuid; }
std::string VmObjects::Name() { return view().name; }
std::string VmObjects::Title() { return view().title; }
std::string VmObjects::State() { return std::string(to_text(view().state)); }
std::string VmObjects::StateReason() { return view().state_reason; }
std::string VmObjects::Phase() { return std::string(to_text(view().phase)); }
std::string VmObjects::PhaseReason() { return view().phase_reason; }
std::int32_t VmObjects::Progress() { return view().progress.value_or(-1); }
std::string VmObjects::Intent() { return std::string(to_text(view().intent)); }
bool VmObjects::Autostart() { return view().autostart; }
void VmObjects::Autostart(const bool& value) { set("Autostart", RequestKind::set_autostart, value); }
bool VmObjects::AutostartOnce() { return view().autostart_once; }
void VmObjects::AutostartOnce(const bool& value) { set("AutostartOnce", RequestKind::set_autostart_once, value); }
bool VmObjects::Persistent() { return view().persistent; }
bool VmObjects::ManagedSave() { return view().managed_save; }
JsonDict VmObjects::Policy() { return JsonDict(view().policy); }
JsonDict VmObjects::PolicyOverrides() { return JsonDict(view().policy_overrides); }
VmObjects::Rows VmObjects::PolicyProblems() { return to_rows(view().policy_problems); }
std::vector<std::string> VmObjects::PolicyProblemCodes() { return codes_of(view().policy_problems); }
std::string VmObjects::LastError() { return view().last_error; }
std::uint32_t VmObjects::RestartCount() { return view().restart_count; }
std::uint64_t VmObjects::PhaseSinceUSec() { return view().phase_since_usec; }
std::uint64_t VmObjects::StartedUSec() { return view().started_usec; }

std::string VmObjects::Scope() { return view().scope; }
std::vector<VariantMap> VmObjects::Addresses() { return to_rows(view().addresses); }

VmObjects::Rows VmObjects::Networks() {
  Rows rows;
  for (const Network& network : view().networks) rows.emplace_back(network.type, network.source, network.mac);
  return rows;
}

std::vector<VariantMap> VmObjects::Forwards() {
  std::vector<VariantMap> rows;
  const auto text = [](std::string_view value) { return sdbus::Variant(std::string(value)); };
  for (const auto& [forward, state, reason, spec] : view().forwards)
    rows.push_back({{"host_address", text(forward.host.address)},
                    {"host_port", sdbus::Variant(forward.host.port)},
                    {"protocol", text(to_text(forward.host.protocol))},
                    {"guest_port", sdbus::Variant(forward.guest_port)},
                    {"nic", text(forward.nic)},
                    {"state", text(to_text(state))},
                    {"reason", text(reason)},
                    {"spec", text(spec)}});
  return rows;
}

}  // namespace virtsession
