// SPDX-License-Identifier: LGPL-2.1-or-later
#include "journal.hpp"

#include "kill_at.hpp"
#include "record_json.hpp"
#include "sample.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
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
  CHECK(journals->close(record, {}).value().empty());
  CHECK_FALSE(journals->find("web").value().has_value());
}

TEST_CASE("journal: one that cannot be used is an error with its path, and not no journal") {
  const TemporaryFolder folder;
  const auto journals = Journals::open(folder.path());
  REQUIRE(journals->save(sample_record()));
  auto path = journals->folder_of(sample_record().source_uuid) + "/journal.json";
  const nlohmann::json good(sample_record());
  auto bad = good;
  std::string text;
  SUBCASE("empty") {}
  SUBCASE("cut off") { text = good.dump().substr(0, 1000); }
  SUBCASE("of nothing") { text = "{}"; }
  SUBCASE("with a phase that is not known") { bad["phase"] = "somewhere", text = bad.dump(); }
  SUBCASE("with a file's state that is not known") { bad["files"][0]["state"] = "half", text = bad.dump(); }
  SUBCASE("with a key that is not known") { bad["newer"] = true, text = bad.dump(); }
  SUBCASE("with too few files") { bad["files"].erase(0), text = bad.dump(); }
  SUBCASE("with too few times") { bad["arrived"].erase(0), text = bad.dump(); }
  SUBCASE("that cannot be read") {
    std::filesystem::remove(path);
    std::filesystem::create_symlink("journal.json", path);
  }
  SUBCASE("whose folder cannot be read") {
    const auto in_the_way = journals->folder_of("x");
    std::filesystem::create_symlink("x", in_the_way);
    std::filesystem::remove_all(journals->folder_of(sample_record().source_uuid));
    path = in_the_way + "/journal.json";
  }
  std::ofstream(path) << text;
  const auto found = journals->find("web");
  REQUIRE_FALSE(found);
  CAPTURE(found.error().message);
  CHECK(found.error().message.find(path) != std::string::npos);
}

TEST_CASE("journal: what it needs goes after it") {
  const TemporaryFolder folder;
  const auto journals = Journals::open(folder.path());
  const auto record = sample_record();
  REQUIRE(journals->save(record));
  const auto home = journals->folder_of(record.source_uuid), kept = home + "/kept-1-x";
  std::ofstream(kept) << "old";
  SUBCASE("killed in between") {
    kill_at_change(2, [&] { static_cast<void>(journals->close(record, {kept})); });
    CHECK(std::filesystem::exists(kept));
    CHECK_FALSE(journals->find("web").value().has_value());
  }
  SUBCASE("in full") {
    CHECK(journals->close(record, {kept}).value().empty());
    CHECK_FALSE(std::filesystem::exists(home));
  }
  SUBCASE("but for what somebody may want") { CHECK(journals->close(record, {}).value() == home); }
}
