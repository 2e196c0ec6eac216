// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fixture.hpp"
#include "session_daemon.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// A save that goes nowhere: the file is a pipe, which nobody reads until drain().
class StuckSave {
 public:
  explicit StuckSave(const std::string& path) {
    REQUIRE(mkfifo(path.c_str(), 0666) == 0);
    pipe_ = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    REQUIRE(pipe_ >= 0);
  }
  ~StuckSave() {
    ended_ = true;
    if (reader_.joinable()) reader_.join();
    close(pipe_);
  }
  void drain() {
    reader_ = std::thread([this] {
      std::vector<char> buffer(std::size_t{64} * 1024);
      while (!ended_) {
        pollfd ready{pipe_, POLLIN, 0};
        if (poll(&ready, 1, 20) == 1) [[maybe_unused]]
          const auto size = read(pipe_, buffer.data(), buffer.size());
      }
    });
  }

 private:
  int pipe_ = -1;
  std::atomic<bool> ended_ = false;
  std::thread reader_;
};

/// Its memory is filled by QEMU with what does not compress to nothing.
std::string domain_xml(const std::string& content) {
  return "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name>"
         "<memory unit='MiB'>64</memory><os><type>hvm</type></os>"
         "<devices><controller type='usb' model='none'/><memballoon model='none'/></devices><qemu:commandline>"
         "<qemu:arg value='-device'/><qemu:arg value='loader,file=" +
         content + ",addr=0x1000000,force-raw=on'/></qemu:commandline></domain>";
}

}  // namespace

TEST_CASE("a save in progress tells how far it is, and ends when it is aborted; the guest runs on") {
  const SessionDaemon daemon;
  const auto content = daemon.folder() / "content";
  {
    std::ofstream file(content, std::ios::binary);
    for (unsigned i = 0; i < 32U * 1024 * 1024 / sizeof i; ++i) file.write(reinterpret_cast<const char*>(&i), sizeof i);
  }
  daemon.give(content);
  Fixture fixture;
  fixture.open(daemon.uri());
  const ConnectPtr client(virConnectOpen(daemon.uri().c_str()));
  const DomainPtr domain(virDomainDefineXML(client.get(), domain_xml(content).c_str()));
  REQUIRE(domain);
  const auto uuid = fixture.list().at(0).uuid;
  REQUIRE(bool(fixture.run(uuid, OperationKind::start)));
  CHECK(bool(fixture.run(uuid, OperationKind::job_progress)));
  CHECK_FALSE(fixture.sink.progress);  // there is no job

  std::filesystem::create_directories(daemon.save_file("g").parent_path());
  daemon.give(daemon.save_file("g").parent_path());
  StuckSave stuck(daemon.save_file("g"));
  daemon.give(daemon.save_file("g"));
  Operation save;
  save.id = ++fixture.last_id;
  save.uuid = uuid;
  save.call = call::Save{};
  fixture.hypervisor->run(save);
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!fixture.sink.progress || fixture.sink.progress->processed_bytes == 0) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    REQUIRE(bool(fixture.run(uuid, OperationKind::job_progress)));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(fixture.sink.progress->remaining_bytes > 0);
  CHECK(fixture.sink.progress->total_bytes > std::uint64_t{64} * 1024 * 1024);
  const auto saving = fixture.list().at(0);
  CHECK(saving.state == DomainState::paused);
  CHECK(saving.state_reason == "saving");
  CHECK(saving.in_job);
  CHECK_FALSE(fixture.sink.done.contains(save.id));

  CHECK(bool(fixture.run(uuid, OperationKind::abort_job)));
  stuck.drain();  // QEMU hears of it when its write returns
  loop_until(fixture.loop, "the end of the save", [&] { return fixture.sink.done.contains(save.id); });
  CHECK_FALSE(bool(fixture.sink.done.at(save.id)));
  const auto after = *fixture.sink.domain(uuid);
  CHECK(after.state == DomainState::running);
  CHECK(after.state_reason == "save canceled");
  CHECK_FALSE(after.in_job);
  CHECK_FALSE(after.managed_save);
}

TEST_CASE("a VM that was paused, saved and restored is paused, and no job of libvirt's holds it") {
  const SessionDaemon daemon;
  Fixture fixture;
  fixture.open(daemon.uri());
  const ConnectPtr client(virConnectOpen(daemon.uri().c_str()));
  const DomainPtr domain(virDomainDefineXML(
      client.get(),
      "<domain type='qemu'><name>g</name><memory unit='MiB'>16</memory><os><type>hvm</type></os></domain>"));
  REQUIRE(domain);
  const auto uuid = fixture.list().at(0).uuid;
  for (const auto kind : {OperationKind::start, OperationKind::pause, OperationKind::save, OperationKind::start})
    REQUIRE(bool(fixture.run(uuid, kind)));
  const auto restored = fixture.list().at(0);
  CHECK(restored.state == DomainState::paused);
  CHECK_FALSE(restored.in_job);
}
