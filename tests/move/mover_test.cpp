// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mover.hpp"

#include "gather.hpp"
#include "kill_at.hpp"
#include "test_sides.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace virtsession;
using namespace virtsession::move;
using namespace virtsession::test;

namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// What libvirt's test driver says where a definition is to go: it knows none of the flags. The e2e cases go on.
constexpr const char* kCannotUndefine = "testDomainUndefineFlags";
constexpr const char* kCannotOpen = "testDomainCreateXML";

/// A move of the VM "web" up to the moment when the target is the valid one.
struct Moved : TestSides {
  Record record = record_of_move();
  std::string from = path("from"), to = path("to");

  Moved() {
    write("to", "the disk");
    record.files[0] = {.state = FileState::done, .hash = hash()};
  }

  std::uint64_t hash() const {
    LocalFiles files;
    return hash_of(files, path("to")).value();
  }
  void arrive() {
    REQUIRE(set_mark(source_vm().get(), kLeaving));
    REQUIRE(move::define(*target, record.plan.xml, kArriving));
    LocalFiles files;
    record.phase = Phase::arrived;
    record.arrived = {files.look(to)->changed};
    record.named = paths_of(files_named_by(target_vm().get(), "").value());
    REQUIRE(journals().save(record));
  }
  /// Firmware variables, which took the place of older ones.
  void replace_state() {
    record.plan.files[0].kind = FileKind::nvram;
    record.plan.files[0].replaces = true;
    REQUIRE(journals().save(record));
    record.files[0].kept = journals().folder_of(kUuid) + "/kept-1-to";
    std::ofstream(record.files[0].kept) << "what was there";
    REQUIRE(journals().save(record));
  }
  /// What a move leaves that is killed while QEMU opens the target.
  DomainPtr open_target() const {
    auto xml = definition_of(target->find_uuid(kUuid).value().get()).value();
    const std::string mark = std::string(">") + kArriving + "<";
    xml.replace(xml.find(mark), mark.size(), std::string(">") + kOpening + "<");
    DomainPtr vm(virDomainCreateXML(target->connection(), xml.c_str(), 0));
    REQUIRE(vm);
    REQUIRE(virDomainSuspend(vm.get()) == 0);
    return vm;
  }
  /// Changes a file, and the time of its last change.
  static void use(const std::string& path) {
    std::ofstream(path, std::ios::app) << "!";
    const timespec times[2] = {{1, 0}, {1, 0}};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  std::string undo() {
    const auto done = mover(record).undo();
    return done ? "" : done.error().message;
  }
  std::string run() {
    const auto done = mover(record).run();
    return done ? "" : done.error().message;
  }
  bool is_unfinished() { return journals().load(kUuid)->has_value(); }
};

}  // namespace

TEST_CASE("undo: killed at any point, what was there before is there at the end, and the source is the VM") {
  int kills = 0;
  for (bool killed = true; killed;) {
    Moved moved;
    moved.replace_state();
    killed = kill_at_change(kills + 1, [&] { static_cast<void>(moved.undo()); });
    kills += killed ? 1 : 0;
    CAPTURE(kills);
    if (auto left = moved.journals().load(Moved::kUuid).value()) {
      moved.record = *left;
      CHECK(moved.undo() == "");
    }
    CHECK(Moved::text(moved.to) == "what was there");
    CHECK_FALSE(std::filesystem::exists(moved.to + ".part"));
    CHECK_FALSE(moved.is_unfinished());
  }
  CHECK(kills > 5);  // copying back, then the journal, then what was kept
}

TEST_CASE_FIXTURE(Moved, "undo: is refused when what was kept is gone, and nothing is changed") {
  replace_state();
  arrive();
  const auto kept = record.files[0].kept;
  std::filesystem::rename(kept, path("elsewhere"));
  CHECK(says(undo(), kept + ", and cannot be read there"));
  CHECK(text(to) == "the disk");
  CHECK(mark_of(target_vm().get()) == kArriving);
  CHECK(record.phase == Phase::arrived);
  std::filesystem::rename(path("elsewhere"), kept);
  REQUIRE(virDomainUndefine(target_vm().get()) == 0);
  CHECK(undo() == "");
  CHECK(text(to) == "what was there");
}

TEST_CASE_FIXTURE(Moved, "undo: takes back a target that has not run, also when somebody undefined it") {
  arrive();
  CHECK(says(undo(), kCannotUndefine));
  CHECK(record.phase == Phase::arriving);
  REQUIRE(virDomainUndefine(target_vm().get()) == 0);
  CHECK(undo() == "");
  CHECK(mark_of(source_vm().get()).empty());
  CHECK(text(to) == "(none)");
  CHECK(text(from) == "the disk");
}

TEST_CASE_FIXTURE(Moved, "undo: is refused when the target has run, or may have") {
  arrive();
  SUBCASE("its disk has changed") { use(to); }
  SUBCASE("its disk is gone") { std::filesystem::rename(to, path("elsewhere")); }
  SUBCASE("its disk cannot be looked at") {
    std::filesystem::rename(to, path("elsewhere"));
    std::filesystem::create_symlink("to", to);
  }
  SUBCASE("a snapshot gave it another disk") {
    define(*target, write("overlay", "newer"));
    REQUIRE(set_mark(target_vm().get(), kArriving));
  }
  SUBCASE("it runs") { REQUIRE(virDomainCreate(target_vm().get()) == 0); }
  CHECK(says(undo(), "has run"));
  CHECK(target_vm());
  CHECK(record.phase == Phase::arrived);
  CHECK(is_unfinished());
}

TEST_CASE_FIXTURE(Moved, "undo, resume: the QEMU that a killed move had opened the target with is ended") {
  arrive();
  record.phase = Phase::arriving;
  const auto vm = open_target();
  CHECK(mark_of(vm.get()) == kArriving);
  SUBCASE("undo") {
    CHECK(says(undo(), kCannotUndefine));
    CHECK(virDomainIsActive(vm.get()) == 0);
  }
  SUBCASE("resume, which opens it again") {
    CHECK(says(run(), kCannotOpen));
    CHECK(virDomainIsActive(vm.get()) == 0);
  }
  CHECK(mark_of(vm.get()) == kArriving);
}

TEST_CASE_FIXTURE(Moved, "undo, resume: a guest that somebody started in the new place is never ended") {
  arrive();
  record.phase = Phase::arriving;
  const auto vm = target_vm();
  SUBCASE("it runs") { REQUIRE(virDomainCreate(vm.get()) == 0); }
  SUBCASE("it is paused") {
    REQUIRE(virDomainCreate(vm.get()) == 0);
    REQUIRE(virDomainSuspend(vm.get()) == 0);
  }
  SUBCASE("a killed move had opened it, and somebody let it run") {
    REQUIRE(virDomainResume(open_target().get()) == 0);
  }
  CHECK(says(undo(), "Somebody has started \"web\" in test:"));
  CHECK(virDomainIsActive(vm.get()) == 1);
  CHECK(says(run(), "Somebody has started \"web\" in test:"));
  CHECK(virDomainIsActive(vm.get()) == 1);
}

TEST_CASE_FIXTURE(Moved, "undo: a file that others made under a name of the plan stays") {
  record.files[0].state = FileState::begun;
  write("to.part", "half");
  SUBCASE("before ours was created") {}
  SUBCASE("while ours was written") { record.files[0].state = FileState::created; }
  write("to", "somebody's");
  CHECK(undo() == "");
  CHECK(text(to) == "somebody's");
  CHECK(text(path("to.part")) == "(none)");
}

TEST_CASE_FIXTURE(Moved, "undo: ours that was complete when the program was killed goes") {
  record.files[0].state = FileState::created;
  CHECK(undo() == "");
  CHECK(text(to) == "(none)");
}

TEST_CASE_FIXTURE(Moved, "resume: the source's definition goes when nothing there was used since") {
  arrive();
  CHECK(says(run(), kCannotUndefine));
  CHECK(mark_of(target_vm().get()).empty());
  REQUIRE(virDomainUndefine(source_vm().get()) == 0);
  CHECK(run() == "");
  CHECK_FALSE(is_unfinished());
}

TEST_CASE_FIXTURE(Moved,
                  "resume: the source's definition stays when it was used since, and the move can be taken back") {
  arrive();
  SUBCASE("its disk has changed") {
    use(from);
    CHECK(says(run(), from + " has changed. Take the move back"));
  }
  SUBCASE("its disk is gone") {
    std::filesystem::rename(from, path("elsewhere"));
    CHECK(says(run(), from + " cannot be read any more"));
  }
  SUBCASE("it runs") {
    REQUIRE(virDomainCreate(source_vm().get()) == 0);
    CHECK(says(run(), "it runs. Take the move back"));
  }
  SUBCASE("it was defined anew") {
    REQUIRE(clear_mark(source_vm().get()));
    CHECK(says(run(), "Somebody defined \"web\" anew"));
  }
  CHECK(source_vm());
  CHECK(mark_of(target_vm().get()) == kArriving);
  CHECK(says(undo(), kCannotUndefine));
  CHECK(record.phase == Phase::arriving);
}

// From here on the test driver cannot go on: it starts nothing paused.
TEST_CASE_FIXTURE(Moved, "resume: a file that was done and is not what was sent is copied again") {
  std::filesystem::remove(from);
  record = record_of_move();
  write("to", "the dusk");
  record.files[0] = {.state = FileState::done, .hash = 1};
  CHECK(run() != "");
  CHECK(text(to) == "the disk");
  CHECK(record.files[0].state == FileState::done);
  CHECK(record.files[0].hash == hash());
}

TEST_CASE_FIXTURE(Moved, "run: a file that came to exist meanwhile is not written over, and stays") {
  for (const std::string name : {"to", "to.part"}) {
    CAPTURE(name);
    record.files[0] = {};
    write(name, "somebody's");
    CHECK(says(run(), "Somebody made " + path(name)));
    CHECK(undo() == "");
    CHECK(text(path(name)) == "somebody's");
    std::filesystem::remove(path(name));
  }
}

TEST_CASE_FIXTURE(Moved, "begin: state of an earlier stay is known as such, whatever its files") {
  std::filesystem::create_directories(path("tpm"));
  record.plan.tpm_folder = path("tpm");
  record.plan.nvram = path("VARS.fd");
  const auto tpm_was_there = [&] {
    REQUIRE(mover(record).begin());
    CHECK(is_unfinished());
    return record.tpm_was_there;
  };
  SUBCASE("there was none") {
    CHECK_FALSE(tpm_was_there());
    CHECK_FALSE(record.nvram_was_there);
  }
  SUBCASE("a TPM's, of any version") {
    std::filesystem::create_directories(path("tpm/tpm1.2"));
    CHECK(tpm_was_there());
    CHECK_FALSE(record.nvram_was_there);
  }
  SUBCASE("firmware variables") {
    write("VARS.fd", "older");
    CHECK_FALSE(tpm_was_there());
    CHECK(record.nvram_was_there);
  }
}
