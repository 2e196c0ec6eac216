// SPDX-License-Identifier: LGPL-2.1-or-later
#include "volumes.hpp"

#include "sync_file_system.hpp"
#include "test_sides.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace virtsession;
using namespace virtsession::move;
using namespace virtsession::test;

namespace {

pid_t pid_that_ended() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

}  // namespace

TEST_CASE_FIXTURE(TestSides, "volumes: of the storage pools of moves, those of a killed one go, and no others") {
  auto* connection = target->connection();
  const auto make = [&](const std::string& name) {
    const auto xml =
        "<pool type='dir'><name>" + name + "</name><target><path>" + path(name) + "</path></target></pool>";
    REQUIRE(PoolPtr(virStoragePoolCreateXML(connection, xml.c_str(), 0)));
  };
  const auto is_there = [&](const std::string& name) {
    return PoolPtr(virStoragePoolLookupByName(connection, name.c_str())) != nullptr;
  };
  const auto killed = "virtsession-move-" + std::to_string(pid_that_ended()) + "-0";
  make(killed);
  make("virtsession-move-1-0");
  make("virtsession-move-mine");
  { const VolumeFiles files(connection); }
  CHECK_FALSE(is_there(killed));
  CHECK(is_there("virtsession-move-1-0"));  // another user's, who moves something now
  CHECK(is_there("virtsession-move-mine"));
}

TEST_CASE_FIXTURE(TestSides, "volumes: a file system is synced, whether the folder can be read or not") {
  CHECK(sync_file_system_of(write("file", "text")));
  CHECK(sync_file_system_of("/proc/1/root/x/y"));
}
