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

/// Keeps what the hypervisor said, in its order: "opened 1", "domain UUID", "done 7" ...
class RecordingSink : public HypervisorSink {
 public:
  void on_opened(Generation generation, const LibvirtInfo& given) override {
    note(generation, "opened");
    info = given;
  }
  void on_open_failed(Generation generation, const Error& error) override {
    note(generation, "open failed");
    open_error = error;
  }
  void on_lost(Generation generation, LostReason reason) override {
    note(generation, "lost");
    lost = reason;
  }
  void on_listed(Generation generation, const Result<std::vector<DomainSnapshot>>& given) override {
    note(generation, "listed");
    listed = given;
    if (!given) return;
    for (const DomainSnapshot& domain : *given) domains[domain.uuid] = domain;
  }
  void on_domain_event(Generation generation, const DomainEvent& event) override {
    note(generation, "event");
    events.push_back(event);
  }
  void on_domain(Generation generation, const std::string& uuid, const std::optional<DomainSnapshot>& domain) override {
    note(generation, "domain " + uuid);
    domains[uuid] = domain;
  }
  void on_job_progress(Generation generation, const std::string& uuid, const JobProgress& given) override {
    note(generation, "progress of " + uuid);
    progress = given;
  }
  void on_operation_done(Generation generation, OperationId id, const Result<void>& result) override {
    note(generation, "done " + std::to_string(id));
    done.emplace(id, result);
  }

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
    generations.clear();
    events.clear();
    domains.clear();
    done.clear();
    listed.reset();
    lost.reset();
  }

  std::vector<std::string> log;
  std::vector<Generation> generations;  // of each line of the log
  std::vector<DomainEvent> events;
  std::map<std::string, std::optional<DomainSnapshot>> domains;
  std::map<OperationId, Result<void>> done;
  std::optional<Result<std::vector<DomainSnapshot>>> listed;
  std::optional<JobProgress> progress;
  std::optional<LibvirtInfo> info;
  std::optional<Error> open_error;
  std::optional<LostReason> lost;

 private:
  void note(Generation generation, const std::string& what) {
    generations.push_back(generation);
    log.push_back(what);
  }
};

/// A hypervisor on a loop of its own, and the calls a test makes, each with its answer waited for.
struct Fixture {
  EventLoop loop;
  RecordingSink sink;
  std::optional<LibvirtHypervisor> hypervisor{std::in_place, loop, sink};
  OperationId last_id = 0;

  void open(const std::string& uri = "test:///default") {
    const std::size_t before = sink.count("opened");
    hypervisor->open(uri);
    loop_until(loop, "the connection", [&] { return sink.count("opened") > before || sink.open_error; });
    REQUIRE(!sink.open_error);
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
