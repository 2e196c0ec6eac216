// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.hpp"

#include "record_json.hpp"
#include "sample.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace virtsession;
using namespace virtsession::move;
using namespace virtsession::test;

namespace {

Record sample_record() {
  const auto facts = small_vm();
  Record record;
  record.request = {.vm = "web", .from = Side::session, .network = {NetworkChoice::Kind::bridge, "br0"}, .to = "/srv"};
  record.plan = make_plan(record.request, facts).value();
  record.phase = Phase::arrived;
  record.source_uuid = facts.source.uuid;
  record.source_xml = facts.source.xml;
  record.source_snapshots = {{"s", "<domainsnapshot/>", true}};
  record.source_autostart = true;
  record.files.resize(record.plan.files.size());
  record.files[0] = {.state = FileState::done, .hash = 0xffffffffffffffff, .kept = "/k", .owner = {1, 2, 0640}};
  record.arrived = {"1.5", "2.5"};
  return record;
}

}  // namespace

TEST_CASE("journal: what was written is read, by name and by uuid, until it is closed") {
  const TemporaryFolder folder;
  const auto record = sample_record();
  {
    const auto journals = Journals::open(folder.path());
    REQUIRE(journals);
    CHECK_FALSE(journals->find("web").value().has_value());
    REQUIRE(journals->save(record));
    const auto other = Journals::open(folder.path());
    REQUIRE_FALSE(other);
    CHECK(other.error().code == ErrorCode::busy);
  }
  const auto journals = Journals::open(folder.path());
  for (const auto& vm : {std::string("web"), record.source_uuid}) {
    const auto read = journals->find(vm);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK(nlohmann::json(**read) == nlohmann::json(record));
  }
  CHECK(journals->close(record).empty());
  CHECK_FALSE(journals->find("web").value().has_value());
}

TEST_CASE("journal: one that cannot be used is an error, and not no journal") {
  const TemporaryFolder folder;
  const auto journals = Journals::open(folder.path());
  REQUIRE(journals->save(sample_record()));
  std::ofstream(journals->folder_of(sample_record().source_uuid) + "/journal.json") << "{}";
  CHECK_FALSE(journals->find("web"));
}
