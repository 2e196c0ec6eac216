// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"
#include "service.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace virtsession::test {

namespace {

using sdbus::Variant;
using Strings = std::vector<std::string>;

/// A service with the VM "web", and a client.
struct WithWeb {
  WithWeb() { service.add(web()); }

  /// \return the one request that the Api got for the call that has just ended
  VmRequest request() {
    return service.on_loop([this] {
      REQUIRE(service.api.requests.size() == 1);
      return std::exchange(service.api.requests, {}).front();
    });
  }
  /// Checks that a call was refused, with a text that mentions all of `mentioned`, and that the Api was not asked.
  void check_refused(const Outcome& outcome, const Strings& mentioned) {
    CHECK(outcome.error_name == kInvalidArgs);
    for (const auto& text : mentioned) {
      CAPTURE(outcome.message);
      CHECK(outcome.mentions(text));
    }
    CHECK(service.on_loop([this] { return service.api.requests.empty(); }));
  }

  PrivateBus bus;
  Service service{bus};
  Client client{bus};
};

}  // namespace

TEST_CASE_FIXTURE(WithWeb, "methods without options of their own ask for what their name says") {
  const std::pair<const char*, RequestKind> methods[] = {{"Start", RequestKind::start},
                                                         {"Shutdown", RequestKind::shutdown},
                                                         {"Stop", RequestKind::stop},
                                                         {"Save", RequestKind::save},
                                                         {"Reboot", RequestKind::reboot},
                                                         {"PowerOff", RequestKind::power_off},
                                                         {"Pause", RequestKind::pause},
                                                         {"Resume", RequestKind::resume},
                                                         {"ResetFailed", RequestKind::reset_failed},
                                                         {"ClearPolicy", RequestKind::clear_policy}};
  for (const auto& [name, kind] : methods) {
    const char* const method = name;
    CAPTURE(method);
    CHECK(client.vm_call(method, VariantMap{}).error_name == "");
    const auto asked = request();
    CHECK(asked.uuid == kWebUuid);
    CHECK(asked.kind == kind);
    CHECK(asked.wait);
    CHECK_FALSE(asked.paused);
    CHECK_FALSE(asked.force_boot);
    CHECK_FALSE(asked.bypass_cache);
    CHECK_FALSE(asked.graceful);
    CHECK_FALSE(asked.timeout.has_value());
    CHECK(asked.keys.empty());
    check_refused(client.vm_call(method, VariantMap{{"pasued", Variant(true)}}), {"\"pasued\"", "not known"});
  }
}

TEST_CASE_FIXTURE(WithWeb, "Start passes its options on") {
  VmProxy vm(client.connection(), kWebPath);
  vm.Start({{"paused", Variant(true)}});
  CHECK(request().paused);
  vm.Start({{"force_boot", Variant(true)}});
  CHECK(request().force_boot);
  vm.Start({{"bypass_cache", Variant(true)}});
  CHECK(request().bypass_cache);
  vm.Start({{"wait", Variant(false)}});
  CHECK_FALSE(request().wait);
  vm.Start({{"policy", Variant(true)}});
  const auto asked = request();
  CHECK(asked.by_policy);
  CHECK_FALSE(asked.wait);
  check_refused(client.vm_call("Start", VariantMap{{"policy", Variant(true)}, {"paused", Variant(true)}}),
                {"\"policy\""});
  check_refused(
      client.vm_call("Start", VariantMap{{"paused", Variant("yes")}}),
      {"\"paused\" must be of type b", "not s", "known options: paused, force_boot, bypass_cache, wait, policy"});
  check_refused(client.vm_call("Start", VariantMap{{"wait", Variant(std::int32_t{1})}}), {"\"wait\"", "not i"});
}

TEST_CASE_FIXTURE(WithWeb, "Shutdown takes its time in any number type") {
  using std::chrono::milliseconds;
  VmProxy vm(client.connection(), kWebPath);
  const std::pair<Variant, milliseconds> good[] = {{Variant(1.5), milliseconds(1500)},
                                                   {Variant(std::int32_t{90}), milliseconds(90'000)},
                                                   {Variant(std::uint32_t{2}), milliseconds(2000)},
                                                   {Variant(std::int64_t{3}), milliseconds(3000)},
                                                   {Variant(std::uint64_t{4}), milliseconds(4000)},
                                                   {Variant(std::int16_t{5}), milliseconds(5000)},
                                                   {Variant(std::uint16_t{6}), milliseconds(6000)},
                                                   {Variant(std::uint8_t{7}), milliseconds(7000)},
                                                   {Variant(86400.0), milliseconds(86'400'000)},
                                                   {Variant(0.0001), milliseconds(1)}};
  for (const auto& [value, timeout] : good) {
    vm.Shutdown({{"timeout_sec", value}});
    CHECK(request().timeout == timeout);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const Variant out_of_range[] = {Variant(0.0),
                                  Variant(-1.0),
                                  Variant(std::int32_t{-5}),
                                  Variant(86400.5),
                                  Variant(infinity),
                                  Variant(std::numeric_limits<double>::quiet_NaN()),
                                  Variant(std::numeric_limits<std::uint64_t>::max())};
  for (const auto& value : out_of_range)
    check_refused(client.vm_call("Shutdown", VariantMap{{"timeout_sec", value}}),
                  {"\"timeout_sec\" must be more than 0"});
  for (const auto& value : {Variant("60"), Variant(true), Variant(Strings{"60"})})
    check_refused(client.vm_call("Shutdown", VariantMap{{"timeout_sec", value}}),
                  {"\"timeout_sec\" must be of type d"});
  vm.Shutdown({{"wait", Variant(false)}});
  CHECK_FALSE(request().wait);
}

TEST_CASE_FIXTURE(WithWeb, "Save, PowerOff and ClearPolicy pass their options on") {
  VmProxy vm(client.connection(), kWebPath);
  vm.Save({{"bypass_cache", Variant(true)}});
  CHECK(request().bypass_cache);
  vm.PowerOff({{"graceful", Variant(true)}});
  CHECK(request().graceful);
  vm.ClearPolicy({{"keys", Variant(Strings{"start_order", "restart"})}});
  CHECK(request().keys == Strings{"start_order", "restart"});
  check_refused(client.vm_call("ClearPolicy", VariantMap{{"keys", Variant(Strings{})}}),
                {"\"keys\" must not be empty"});
  check_refused(client.vm_call("ClearPolicy", VariantMap{{"keys", Variant("restart")}}),
                {"\"keys\" must be of type as"});
}

TEST_CASE_FIXTURE(WithWeb, "SetAutostart and SetAutostartOnce pass the flag on") {
  VmProxy vm(client.connection(), kWebPath);
  for (const bool enable : {true, false}) {
    vm.SetAutostart(enable, {});
    auto asked = request();
    CHECK(asked.kind == RequestKind::set_autostart);
    CHECK(asked.enable == enable);
    vm.SetAutostartOnce(enable, {});
    asked = request();
    CHECK(asked.kind == RequestKind::set_autostart_once);
    CHECK(asked.enable == enable);
  }
  check_refused(client.vm_call("SetAutostart", true, VariantMap{{"once", Variant(true)}}),
                {"\"once\"", "no options are known"});
}

TEST_CASE_FIXTURE(WithWeb, "SetPolicy turns every documented type into JSON") {
  VmProxy vm(client.connection(), kWebPath);
  vm.SetPolicy({{"y", Variant(std::uint8_t{1})},
                {"n", Variant(std::int16_t{-2})},
                {"q", Variant(std::uint16_t{3})},
                {"i", Variant(std::int32_t{-4})},
                {"u", Variant(std::uint32_t{5})},
                {"x", Variant(std::int64_t{-6})},
                {"t", Variant(std::uint64_t{7})},
                {"d", Variant(0.5)},
                {"b", Variant(true)},
                {"s", Variant("always")},
                {"as", Variant(Strings{"save", "poweroff"})},
                {"none", Variant(Strings{})}},
               {});
  const auto asked = request();
  CHECK(asked.kind == RequestKind::set_policy);
  CHECK(asked.policy == nlohmann::json({{"y", 1},
                                        {"n", -2},
                                        {"q", 3},
                                        {"i", -4},
                                        {"u", 5},
                                        {"x", -6},
                                        {"t", 7},
                                        {"d", 0.5},
                                        {"b", true},
                                        {"s", "always"},
                                        {"as", {"save", "poweroff"}},
                                        {"none", nlohmann::json::array()}}));
  const Variant bad[] = {Variant(VariantMap{}),
                         Variant(std::vector<Variant>{}),
                         Variant(sdbus::ObjectPath("/a")),
                         Variant(std::vector<std::int32_t>{1}),
                         Variant(std::numeric_limits<double>::quiet_NaN()),
                         Variant(-std::numeric_limits<double>::infinity())};
  for (const auto& value : bad)
    check_refused(client.vm_call("SetPolicy", VariantMap{{"start_order", value}}, VariantMap{}), {"\"start_order\""});
}

TEST_CASE_FIXTURE(WithWeb, "ListAddresses asks, and answers what is known then; a VM may be gone by then") {
  VmProxy vm(client.connection(), kWebPath);
  service.on_loop([&] {
    service.api.vms = {web()};
    service.api.vms[0].addresses = {{"192.0.2.8", "", "", AddressSource::agent}, {"3", "", "", AddressSource::vsock}};
  });
  const auto addresses = vm.ListAddresses({});
  CHECK(request().kind == RequestKind::list_addresses);
  REQUIRE(addresses.size() == 2);
  CHECK(addresses[0].at("address").get<std::string>() == "192.0.2.8");
  CHECK(addresses[1].at("source").get<std::string>() == "vsock");
  service.on_loop([&] { service.api.vms.clear(); });
  CHECK(vm.ListAddresses({}).empty());
  static_cast<void>(request());
  service.on_loop([&] { service.api.outcome = Error{ErrorCode::timed_out, "it hangs"}; });
  CHECK(outcome_of([&] { vm.ListAddresses({}); }).error_name == "org.virtsession.Supervisor1.Error.TimedOut");
  static_cast<void>(request());
  check_refused(outcome_of([&] { vm.ListAddresses({{"x", Variant(1)}}); }), {"\"x\"", "not known"});
}

TEST_CASE_FIXTURE(WithWeb, "every error has its name and its text") {
  const std::string prefix = "org.virtsession.Supervisor1.Error.";
  const std::pair<ErrorCode, std::string> errors[] = {{ErrorCode::no_such_vm, prefix + "NoSuchVM"},
                                                      {ErrorCode::invalid_policy, prefix + "InvalidPolicy"},
                                                      {ErrorCode::invalid_config, prefix + "InvalidConfig"},
                                                      {ErrorCode::libvirt_unavailable, prefix + "LibvirtUnavailable"},
                                                      {ErrorCode::operation_failed, prefix + "OperationFailed"},
                                                      {ErrorCode::busy, prefix + "Busy"},
                                                      {ErrorCode::timed_out, prefix + "TimedOut"},
                                                      {ErrorCode::not_supported, prefix + "NotSupported"},
                                                      {ErrorCode::shutting_down, prefix + "ShuttingDown"},
                                                      {ErrorCode::internal, prefix + "Internal"},
                                                      {ErrorCode::invalid_args, kInvalidArgs},
                                                      {ErrorCode::access_denied, kAccessDenied},
                                                      {ErrorCode::interrupted, prefix + "Interrupted"}};
  CHECK(std::size(errors) == kEnumText<ErrorCode>.rows.size());
  for (const auto& [code, name] : errors) {
    service.on_loop([&, failure = code] { service.api.outcome = Error{failure, "because \xff"}; });
    const auto outcome = client.vm_call("Start", VariantMap{});
    CHECK(outcome.error_name == name);
    CHECK(outcome.message == "because \xef\xbf\xbd");
  }
}

TEST_CASE_FIXTURE(WithWeb, "setting Autostart is checked, passed on and answered at once") {
  service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  VmProxy vm(client.connection(), kWebPath);
  vm.Autostart(false);
  service.wait_for_requests(1);
  auto asked = request();
  CHECK(asked.kind == RequestKind::set_autostart);
  CHECK_FALSE(asked.enable);
  CHECK(asked.caller.client.starts_with(client.connection().getUniqueName()));
  vm.AutostartOnce(true);
  service.wait_for_requests(1);
  asked = request();
  CHECK(asked.kind == RequestKind::set_autostart_once);
  CHECK(asked.enable);
  // It shows what libvirt has, which has not done anything yet.
  CHECK(vm.Autostart());
  service.on_loop([&] {
    for (const auto& done : service.api.held) done(Error{ErrorCode::operation_failed, "told in LastError"});
  });

  service.on_loop([&] { service.api.checked = Error{ErrorCode::not_supported, "it is transient"}; });
  const auto refused = outcome_of([&] { vm.Autostart(true); });
  CHECK(refused.error_name == "org.virtsession.Supervisor1.Error.NotSupported");
  CHECK(refused.message == "it is transient");
  CHECK(outcome_of([&] { client.set(kWebPath, "Autostart", Variant("yes")); }).error_name != "");
  CHECK(outcome_of([&] { client.set(kWebPath, "Name", Variant("db")); }).error_name ==
        "org.freedesktop.DBus.Error.PropertyReadOnly");
  CHECK(service.on_loop([this] { return service.api.requests.empty(); }));
}

TEST_CASE_FIXTURE(WithWeb, "GetVM finds by name and by uuid") {
  ManagerProxy manager(client.connection());
  CHECK(manager.GetVM("web", {}) == kWebPath);
  CHECK(manager.GetVM(kWebUuid, {}) == kWebPath);
  for (const char* unknown : {"", "wbe", "11111111-2222-3333-4444", "/org/virtsession"}) {
    const auto outcome = outcome_of([&] { manager.GetVM(unknown, {}); });
    CHECK(outcome.error_name == "org.virtsession.Supervisor1.Error.NoSuchVM");
    CHECK(outcome.mentions(unknown));
  }
  CHECK(outcome_of([&] { manager.GetVM("web", {{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  for (const char* path : {"/org/virtsession/Supervisor1/vm/_1", "/org/virtsession/Supervisor1/vm",
                           "/org/virtsession/Supervisor1/vm/_00000000_0000_0000_0000_000000000000"}) {
    VmProxy none(client.connection(), path);
    CHECK(outcome_of([&] { none.Start({}); }).error_name == "org.freedesktop.DBus.Error.UnknownObject");
    CHECK(outcome_of([&] { client.set(path, "Autostart", Variant(true)); }).error_name ==
          "org.freedesktop.DBus.Error.UnknownObject");
  }
}

TEST_CASE_FIXTURE(WithWeb, "ListVMs, PlanStart and History return their rows") {
  ManagerProxy manager(client.connection());
  const auto vms = manager.ListVMs({});
  REQUIRE(vms.size() == 1);
  CHECK(vms[0] == sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string>{
                      sdbus::ObjectPath(kWebPath), kWebUuid, "web", "running", "waiting-ready"});

  service.on_loop([&] {
    service.api.plan = {{1, kWebUuid, "web", "start", "flagged"}};
    service.api.entries = {{5, kWebUuid, "web", Phase::gave_up, "failed 5 times", "policy"}};
  });
  const auto steps = manager.PlanStart({});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0] == sdbus::Struct<std::uint32_t, sdbus::ObjectPath, std::string, std::string, std::string>{
                        1U, sdbus::ObjectPath(kWebPath), "web", "start", "flagged"});
  CHECK(manager.PlanStop({}) == steps);
  CHECK(manager.PlanStop({{"timeout_sec", Variant(std::int32_t{15})}}) == steps);
  CHECK(service.on_loop([&] { return std::exchange(service.api.calls, {}); }) ==
        Strings{"plan_stop", "plan_stop 15000"});
  const auto findings = manager.Diagnose({});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0] == sdbus::Struct<std::string, std::string, std::string, std::string, std::string>{
                           "kvm", "problem", "web", "broken", "mend it"});
  CHECK(outcome_of([&] { manager.Diagnose({{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  const auto entries = manager.History("web", {{"limit", Variant(std::uint32_t{7})}});
  REQUIRE(entries.size() == 1);
  CHECK(entries[0] ==
        sdbus::Struct<std::uint64_t, sdbus::ObjectPath, std::string, std::string, std::string, std::string>{
            5U, sdbus::ObjectPath(kWebPath), "web", "gave-up", "failed 5 times", "policy"});

  manager.History("", {});
  manager.History("AAAAAAAA-0000-0000-0000-000000000000", {{"limit", Variant(std::int32_t{1})}});
  CHECK(service.on_loop([&] { return service.api.calls; }) ==
        Strings{std::string("history ") + kWebUuid + " 7", "history  0",
                "history aaaaaaaa-0000-0000-0000-000000000000 1"});
  CHECK(outcome_of([&] { manager.History("gone", {}); }).error_name == "org.virtsession.Supervisor1.Error.NoSuchVM");
  for (const auto& limit : {Variant(-1), Variant(std::uint64_t{1} << 32), Variant(1.0), Variant("1")})
    CHECK(outcome_of([&] { manager.History("", {{"limit", limit}}); }).error_name == kInvalidArgs);
  CHECK(outcome_of([&] { manager.ListVMs({{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  CHECK(outcome_of([&] { manager.PlanStart({{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  CHECK(outcome_of([&] { manager.PlanStop({{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  CHECK(outcome_of([&] { manager.PlanStop({{"timeout_sec", Variant("1")}}); }).error_name == kInvalidArgs);
}

TEST_CASE_FIXTURE(WithWeb, "Autostart, Reload and RestartLibvirt are passed on and answered when they have ended") {
  ManagerProxy manager(client.connection());
  manager.Autostart({});
  manager.Autostart({{"wait", Variant(false)}});
  manager.Reload({});
  manager.RestartLibvirt({});
  manager.RestartLibvirt({{"force", Variant(true)}});
  manager.StopAll({});
  manager.StopAll({{"wait", Variant(false)}, {"timeout_sec", Variant(1.5)}});
  manager.SetLinger(true, {});
  manager.SetLinger(false, {{"interactive", Variant(false)}});
  CHECK(service.on_loop([&] { return service.api.calls; }) ==
        Strings{"autostart wait", "autostart", "reload", "restart_libvirt", "restart_libvirt force", "stop_all wait",
                "stop_all 1500", "set_linger on interactive", "set_linger off"});
  CHECK(
      service.on_loop([&] { return service.api.last_caller.client; }).starts_with(client.connection().getUniqueName()));
  service.on_loop([&] { service.api.outcome = Error{ErrorCode::invalid_config, "line 3"}; });
  for (const auto& call : {&ManagerProxy::Autostart, &ManagerProxy::Reload, &ManagerProxy::RestartLibvirt}) {
    const auto failed = outcome_of([&] { (manager.*call)({}); });
    CHECK(failed.error_name == "org.virtsession.Supervisor1.Error.InvalidConfig");
    CHECK(failed.message == "line 3");
    CHECK(outcome_of([&] { (manager.*call)({{"x", Variant(1)}}); }).error_name == kInvalidArgs);
  }
}

}  // namespace virtsession::test
