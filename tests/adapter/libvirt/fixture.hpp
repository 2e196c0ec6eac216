// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/libvirt_hypervisor.hpp"
#include "libvirt/raii.hpp"
#include "support/loop_until.hpp"
#include "util/event_loop.hpp"

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtsession::test {

/// Keeps what the hypervisor said, in its order: "opened", "listed", "domain UUID", "done 7" ...
class RecordingSink : public ConnectionSink, public DomainSink {
 public:
  void on_opened(const LibvirtInfo& given) override {
    log.emplace_back("opened");
    info = given;
  }
  void on_open_failed(const Error& error) override {
    log.emplace_back("open failed");
    open_error = error;
  }
  void on_lost(LostReason reason) override {
    log.emplace_back("lost");
    lost = reason;
  }
  void on_list_done(const Result<void>& result) override {
    if (result) return;
    log.emplace_back("not listed");
    listed = result.error();
  }
  void on_answered() override { log.emplace_back("answered"); }
  void on_listed(const std::vector<DomainSnapshot>& given) override {
    log.emplace_back("listed");
    listed = given;
    for (const DomainSnapshot& domain : given) domains[domain.uuid] = domain;
  }
  void on_domain_event(const DomainEvent& event) override {
    log.emplace_back("event");
    events.push_back(event);
  }
  void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) override {
    log.push_back("domain " + uuid);
    domains[uuid] = domain;
  }
  void on_run_state(const std::string& uuid, const DomainRunState& state) override {
    log.push_back("domain " + uuid);
    ++run_states;
    auto& domain = domains[uuid];
    if (!domain) domain.emplace();
    static_cast<DomainRunState&>(*domain) = state;
  }
  void on_job_progress(const std::string& uuid, const JobProgress& given) override {
    log.push_back("progress of " + uuid);
    progress = given;
  }
  void on_addresses(const std::string& uuid, const FoundAddresses& given) override {
    log.push_back("addresses of " + uuid);
    addresses = given;
  }
  void on_forwards(const std::string& uuid, const ForwardReport& given) override {
    log.push_back("forwards of " + uuid);
    forwards = given;
  }
  void on_operation_done(OperationId id, const Result<void>& result) override {
    log.push_back("done " + std::to_string(id));
    done.emplace(id, result);
  }

  /// Where a hypervisor or a mailbox is to send what it has.
  Sinks sinks() { return {*this, *this}; }

  bool heard(const std::string& what) const { return std::find(log.begin(), log.end(), what) != log.end(); }
  std::size_t count(const std::string& what) const {
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), what));
  }
  std::size_t position(const std::string& what) const {
    return static_cast<std::size_t>(std::find(log.begin(), log.end(), what) - log.begin());
  }
  bool saw(const std::string& uuid, DomainEventKind kind) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const DomainEvent& event) { return event.uuid == uuid && event.kind == kind; });
  }
  /// What is known of a domain; nothing when it is gone or was never heard of.
  std::optional<DomainSnapshot> domain(const std::string& uuid) const {
    const auto found = domains.find(uuid);
    return found == domains.end() ? std::nullopt : found->second;
  }
  void forget() {
    log.clear();
    events.clear();
    domains.clear();
    done.clear();
    listed.reset();
    lost.reset();
  }

  std::vector<std::string> log;
  std::vector<DomainEvent> events;
  std::map<std::string, std::optional<DomainSnapshot>> domains;
  int run_states = 0;  ///< how often only that was told
  std::map<OperationId, Result<void>> done;
  std::optional<Result<std::vector<DomainSnapshot>>> listed;
  std::optional<JobProgress> progress;
  FoundAddresses addresses;
  std::optional<ForwardReport> forwards;
  std::optional<LibvirtInfo> info;
  std::optional<Error> open_error;
  std::optional<LostReason> lost;
};

/// A hypervisor on a loop of its own, and the calls a test makes, each with its answer waited for.
struct Fixture {
  EventLoop loop;
  RecordingSink sink;
  std::optional<LibvirtHypervisor> hypervisor{std::in_place, loop, sink.sinks()};
  OperationId last_id = 0;

  /// With a first list, after which changes of domains are told.
  void open(const std::string& uri = "test:///default") {
    const std::size_t before = sink.count("opened");
    hypervisor->open(uri);
    loop_until(loop, "the connection", [&] { return sink.count("opened") > before || sink.open_error; });
    REQUIRE(!sink.open_error);
    list();
  }

  std::vector<DomainSnapshot> list() {
    sink.listed.reset();
    hypervisor->list();
    loop_until(loop, "the list", [&] { return sink.listed.has_value(); });
    REQUIRE(bool(*sink.listed));
    return sink.listed->value();
  }

  Result<void> run(Operation operation) {
    operation.id = ++last_id;
    hypervisor->run(operation);
    loop_until(loop, "the end of operation " + std::to_string(operation.id),
               [&] { return sink.done.contains(operation.id); });
    return sink.done.at(operation.id);
  }
  Result<void> run(const std::string& uuid, OperationKind kind) {
    Operation operation;
    operation.uuid = uuid;
    operation.call = plain_call(kind);
    return run(operation);
  }

  /// The only domain of test:///default, "test", which runs.
  std::string default_uuid() { return list().at(0).uuid; }
};

/// Somebody else's connection to test:///default, whose state is shared within a process.
class OtherClient {
 public:
  OtherClient() : connection_(virConnectOpen("test:///default")) { REQUIRE(connection_); }

  virConnectPtr get() const { return connection_.get(); }
  DomainPtr domain(const std::string& uuid) const {
    DomainPtr found(virDomainLookupByUUIDString(connection_.get(), uuid.c_str()));
    REQUIRE(found);
    return found;
  }
  /// Defines a domain of that name. \return its UUID
  std::string define(const std::string& name, const std::string& uuid = "") const {
    const std::string xml = "<domain type='test'><name>" + name + "</name>" +
                            (uuid.empty() ? "" : "<uuid>" + uuid + "</uuid>") +
                            "<memory>1024</memory><os><type>hvm</type></os></domain>";
    const DomainPtr defined(virDomainDefineXML(connection_.get(), xml.c_str()));
    REQUIRE(defined);
    char text[VIR_UUID_STRING_BUFLEN];
    virDomainGetUUIDString(defined.get(), text);
    return text;
  }

 private:
  ConnectPtr connection_;
};

}  // namespace virtsession::test
