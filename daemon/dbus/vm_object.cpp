// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/vm_object.hpp"

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

VmObject::VmObject(sdbus::IConnection& connection, Requests& requests, const VmView& view)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(object_path(view.uuid))),
      requests_(requests),
      view_(with_valid_utf8(view)) {
  registerAdaptor();
  announce("a new VM", [&] { getObject().emitInterfacesAddedSignal(); });
}

VmObject::~VmObject() {
  announce("that a VM is gone", [&] { getObject().emitInterfacesRemovedSignal(); });
  unregisterAdaptor();
}

void VmObject::update(const VmView& view) {
  VmView before = std::exchange(view_, with_valid_utf8(view));
  announce_changes(getObject(), INTERFACE_NAME, changed_properties(before, view_));
}

void VmObject::call(const char* method, RequestKind kind, sdbus::Result<>&& result, const Read& read) {
  requests_.call(getObject(), std::string(method) + " of VM \"" + view_.name + "\"", std::move(result), [&] {
    VmRequest request;
    request.uuid = view_.uuid;
    request.kind = kind;
    read(request);
    return [request](Api& api, const Caller& caller, Api::Done done) {
      VmRequest known = request;
      known.caller = caller;
      api.request(known, std::move(done));
    };
  });
}

void VmObject::set(const char* property, RequestKind kind, bool enable) {
  VmRequest request;
  request.uuid = view_.uuid;
  request.kind = kind;
  request.enable = enable;
  requests_.set(getObject(), std::string("Setting ") + property + " of VM \"" + view_.name + "\"", request);
}

void VmObject::Start(sdbus::Result<>&& result, VariantMap options) {
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

void VmObject::Shutdown(sdbus::Result<>&& result, VariantMap options) {
  call("Shutdown", RequestKind::shutdown, std::move(result), [&](VmRequest& request) {
    const Options given(options, {"wait", "timeout_sec"});
    request.wait = given.boolean("wait", true);
    request.timeout = given.seconds("timeout_sec");
  });
}

void VmObject::Stop(sdbus::Result<>&& result, VariantMap options) {
  call("Stop", RequestKind::stop, std::move(result),
       [&](VmRequest& request) { request.wait = Options(options, {"wait"}).boolean("wait", true); });
}

void VmObject::Save(sdbus::Result<>&& result, VariantMap options) {
  call("Save", RequestKind::save, std::move(result), [&](VmRequest& request) {
    request.bypass_cache = Options(options, {"bypass_cache"}).boolean("bypass_cache", false);
  });
}

void VmObject::PowerOff(sdbus::Result<>&& result, VariantMap options) {
  call("PowerOff", RequestKind::power_off, std::move(result),
       [&](VmRequest& request) { request.graceful = Options(options, {"graceful"}).boolean("graceful", false); });
}

void VmObject::Reboot(sdbus::Result<>&& result, VariantMap options) {
  call("Reboot", RequestKind::reboot, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObject::Pause(sdbus::Result<>&& result, VariantMap options) {
  call("Pause", RequestKind::pause, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObject::Resume(sdbus::Result<>&& result, VariantMap options) {
  call("Resume", RequestKind::resume, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObject::SetAutostart(sdbus::Result<>&& result, bool enable, VariantMap options) {
  call("SetAutostart", RequestKind::set_autostart, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    request.enable = enable;
  });
}

void VmObject::SetAutostartOnce(sdbus::Result<>&& result, bool enable, VariantMap options) {
  call("SetAutostartOnce", RequestKind::set_autostart_once, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    request.enable = enable;
  });
}

void VmObject::SetPolicy(sdbus::Result<>&& result, VariantMap policy, VariantMap options) {
  call("SetPolicy", RequestKind::set_policy, std::move(result), [&](VmRequest& request) {
    expect_no_options(options);
    auto keys = to_json(policy);
    if (!keys) throw to_dbus_error(keys.error());
    request.policy = std::move(keys).value();
  });
}

void VmObject::ClearPolicy(sdbus::Result<>&& result, VariantMap options) {
  call("ClearPolicy", RequestKind::clear_policy, std::move(result), [&](VmRequest& request) {
    request.keys = Options(options, {"keys"}).strings("keys").value_or(std::vector<std::string>());
  });
}

void VmObject::ResetFailed(sdbus::Result<>&& result, VariantMap options) {
  call("ResetFailed", RequestKind::reset_failed, std::move(result), [&](VmRequest&) { expect_no_options(options); });
}

void VmObject::ListAddresses(sdbus::Result<std::vector<VariantMap>>&& result, VariantMap options) {
  using Result = sdbus::Result<std::vector<VariantMap>>;
  const auto shared = std::make_shared<Result>(std::move(result));
  // The VM may be gone by then.
  const auto send = [shared, uuid = view_.uuid, &api = requests_.api()](const sdbus::Error* error) {
    if (error)
      shared->returnError(*error);
    else
      shared->returnResults(to_rows(api.addresses(uuid)));
  };
  requests_.call(getObject(), "ListAddresses of VM \"" + view_.name + "\"", send, [&] {
    expect_no_options(options);
    VmRequest request;
    request.uuid = view_.uuid;
    request.kind = RequestKind::list_addresses;
    return [request](Api& api, const Caller& caller, Api::Done done) {
      VmRequest known = request;
      known.caller = caller;
      api.request(known, std::move(done));
    };
  });
}

std::string VmObject::Uuid() { return view_.uuid; }
std::string VmObject::Name() { return view_.name; }
std::string VmObject::Title() { return view_.title; }
std::string VmObject::State() { return std::string(to_text(view_.state)); }
std::string VmObject::StateReason() { return view_.state_reason; }
std::string VmObject::Phase() { return std::string(to_text(view_.phase)); }
std::string VmObject::PhaseReason() { return view_.phase_reason; }
std::int32_t VmObject::Progress() { return view_.progress.value_or(-1); }
std::string VmObject::Intent() { return std::string(to_text(view_.intent)); }
bool VmObject::Autostart() { return view_.autostart; }
void VmObject::Autostart(const bool& value) { set("Autostart", RequestKind::set_autostart, value); }
bool VmObject::AutostartOnce() { return view_.autostart_once; }
void VmObject::AutostartOnce(const bool& value) { set("AutostartOnce", RequestKind::set_autostart_once, value); }
bool VmObject::Persistent() { return view_.persistent; }
bool VmObject::ManagedSave() { return view_.managed_save; }
JsonDict VmObject::Policy() { return JsonDict(view_.policy); }
JsonDict VmObject::PolicyOverrides() { return JsonDict(view_.policy_overrides); }
VmObject::Rows VmObject::PolicyProblems() { return to_rows(view_.policy_problems); }
std::vector<std::string> VmObject::PolicyProblemCodes() { return codes_of(view_.policy_problems); }
std::string VmObject::LastError() { return view_.last_error; }
std::uint32_t VmObject::RestartCount() { return view_.restart_count; }
std::uint64_t VmObject::PhaseSinceUSec() { return view_.phase_since_usec; }
std::uint64_t VmObject::StartedUSec() { return view_.started_usec; }

std::string VmObject::Scope() { return view_.scope; }
std::vector<VariantMap> VmObject::Addresses() { return to_rows(view_.addresses); }

VmObject::Rows VmObject::Networks() {
  Rows rows;
  for (const Network& network : view_.networks) rows.emplace_back(network.type, network.source, network.mac);
  return rows;
}

std::vector<VariantMap> VmObject::Forwards() {
  std::vector<VariantMap> rows;
  const auto text = [](std::string_view value) { return sdbus::Variant(std::string(value)); };
  for (const auto& [forward, state, reason, spec] : view_.forwards)
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
