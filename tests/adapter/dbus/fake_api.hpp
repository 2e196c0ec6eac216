// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/api.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace virtsession::test {

/// Stands for the daemon: records what is asked, and answers at once, on demand or never. Service's loop only.
class FakeApi final : public Api {
 public:
  enum class Answer { at_once, when_told, never };

  std::vector<VmView> vms;
  std::vector<PlanStep> plan;
  std::vector<HistoryEntry> entries;
  std::vector<Finding> findings{{"kvm", Severity::problem, "web", "broken", "mend it"}};
  Result<void> checked;                  ///< what check() says
  Result<void> outcome;                  ///< how what is answered at once ends
  Answer answers = Answer::at_once;      ///< when requests are answered
  std::function<void()> before_request;  ///< may throw
  bool explode = false;                  ///< all functions throw

  std::vector<VmRequest> requests;
  mutable std::vector<std::string> calls;  ///< of the other functions: "autostart wait", "history UUID 5"
  Caller last_caller;                      ///< of those
  std::vector<Done> held;                  ///< completions that were not called yet

  Result<std::string> find_vm(const std::string& name_or_uuid) const override {
    fuse();
    for (const auto member : {&VmView::name, &VmView::uuid})
      for (const VmView& vm : vms)
        if (vm.*member == name_or_uuid) return vm.uuid;
    return Error{ErrorCode::no_such_vm, "no VM has the name or uuid \"" + name_or_uuid + "\""};
  }
  std::vector<VmView> list_vms() const override {
    fuse();
    return vms;
  }
  Result<void> check(const VmRequest&) const override {
    fuse();
    return checked;
  }

  void request(const VmRequest& request, Done done) override {
    requests.push_back(request);
    if (before_request) before_request();
    finish(std::move(done));
  }
  std::vector<Address> addresses(const std::string& uuid) const override {
    fuse();
    const auto vm = std::ranges::find(vms, uuid, &VmView::uuid);
    return vm == vms.end() ? std::vector<Address>() : vm->addresses;
  }
  void autostart(const Caller& caller, bool wait, Done done) override {
    note(wait ? "autostart wait" : "autostart", caller);
    finish(std::move(done));
  }
  std::vector<PlanStep> plan_start() const override {
    fuse();
    return plan;
  }
  void stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout, Done done) override {
    note(("stop_all" + std::string(wait ? " wait" : "") + (timeout ? " " + std::to_string(timeout->count()) : ""))
             .c_str(),
         caller);
    finish(std::move(done));
  }
  std::vector<PlanStep> plan_stop(std::optional<std::chrono::milliseconds> timeout) const override {
    fuse();
    calls.push_back("plan_stop" + (timeout ? " " + std::to_string(timeout->count()) : ""));
    return plan;
  }
  void diagnose(std::function<void(std::vector<Finding>)> found, Done done) override {
    fuse();
    found(findings);
    finish(std::move(done));
  }
  void set_linger(bool enable, bool interactive, Done done) override {
    fuse();
    calls.push_back(std::string("set_linger ") + (enable ? "on" : "off") + (interactive ? " interactive" : ""));
    finish(std::move(done));
  }
  std::vector<HistoryEntry> history(const std::string& uuid, std::uint32_t limit) const override {
    fuse();
    calls.push_back("history " + uuid + " " + std::to_string(limit));
    return entries;
  }
  void reload(Done done) override {
    fuse();
    calls.push_back("reload");
    finish(std::move(done));
  }
  void restart_libvirt(const Caller& caller, bool force, Done done) override {
    note(force ? "restart_libvirt force" : "restart_libvirt", caller);
    finish(std::move(done));
  }

 private:
  void fuse() const {
    if (explode) throw std::runtime_error("it exploded");
  }
  void note(const char* call, const Caller& caller) {
    fuse();
    calls.push_back(call);
    last_caller = caller;
  }
  void finish(Done done) {
    if (answers == Answer::at_once) done(outcome);
    if (answers == Answer::when_told) held.push_back(std::move(done));
  }
};

}  // namespace virtsession::test
