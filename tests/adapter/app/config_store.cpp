// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/config_store.hpp"

#include "support/hung_mount.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("a configuration that cannot be used leaves the one in force, and says what is wrong") {
  const TemporaryFolder folder;
  const std::string path = folder / "config.json";
  const auto write = [&](const char* text) { std::ofstream(path) << text; };
  write(R"({"libvirt_daemon": "virtqemud"})");
  ConfigStore store(path);
  CHECK(store.problems().empty());
  CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::virtqemud);

  write(R"({"libvirt_demon": "libvirtd"})");
  const auto refused = store.reload();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::invalid_config);
  CHECK(refused.error().message.find(path + " is not used, the configuration stays as it was: ") == 0);
  CHECK(store.problems().size() == 1);
  CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::virtqemud);

  write(R"({"libvirt_daemon": "libvirtd"})");
  CHECK(bool(store.reload()));
  CHECK(store.problems().empty());
  CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::libvirtd);
}

TEST_CASE("a configuration that cannot be used at first leaves the built-in defaults") {
  const TemporaryFolder folder;
  const std::string path = folder / "missing.json";
  const ConfigStore store(path);
  CHECK(store.path() == path);
  CHECK(store.problems().size() == 1);
  CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::automatic);
}

TEST_CASE("a configuration that does not answer is not waited for, and leaves the one in force") {
  in_mount_namespace([] {
    const TemporaryFolder folder;
    const std::string path = folder / "home/config.json";
    std::filesystem::create_directory(folder / "home");
    std::ofstream(path) << R"({"libvirt_daemon": "virtqemud"})";
    ConfigStore store(path);
    HungMount hung(folder / "home");
    const auto refused = store.reload();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(path + " does not answer") != std::string::npos);
    CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::virtqemud);
    const ConfigStore first(path);
    CHECK(first.path() == path);
    CHECK(first.problems().size() == 1);
    hung.answer();
    CHECK(bool(store.reload()));
  });
}

TEST_CASE("a configuration that this machine has not the means for is refused, at the first load and at a reload") {
  const TemporaryFolder folder;
  const std::string path = folder / "config.json";
  const auto write = [&](const char* text) { std::ofstream(path) << text; };
  const auto check = [](const Config& config) {
    return config.libvirt_daemon == LibvirtDaemonChoice::virtqemud
               ? std::optional(Problem{"/libvirt_daemon", "virtqemud is not installed", ""})
               : std::nullopt;
  };
  write(R"({"libvirt_daemon": "virtqemud", "parallel": 2})");
  ConfigStore store(path, check);
  REQUIRE(store.problems().size() == 1);
  CHECK(store.problems()[0].pointer == "/libvirt_daemon");
  CHECK(store.config() == Config());
  write(R"({"libvirt_daemon": "libvirtd"})");
  REQUIRE(store.reload());
  write(R"({"libvirt_daemon": "virtqemud"})");
  const auto refused = store.reload();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::invalid_config);
  CHECK(refused.error().message.find("virtqemud is not installed") != std::string::npos);
  CHECK(store.config().libvirt_daemon == LibvirtDaemonChoice::libvirtd);
}
