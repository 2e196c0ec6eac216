// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/files.hpp"

#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace virtsession {
namespace {

using test::TemporaryFolder;

std::string text_of(const std::string& path) {
  const auto text = read_file(path);
  REQUIRE(text);
  REQUIRE(text->has_value());
  return **text;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

auto entries_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

TEST_CASE("A file that is written is read back, with its mode, and no temporary file stays") {
  const TemporaryFolder folder;
  const std::string path = folder / "state.json";
  const auto old_mask = umask(0077);
  REQUIRE(write_file_atomically(path, "first", 0644, Durability::fsync));
  umask(old_mask);
  CHECK(text_of(path) == "first");
  CHECK(mode_of(path) == 0644);
  const std::string with_nul("a\0b", 3);
  REQUIRE(write_file_atomically(path, with_nul, 0600));
  CHECK(text_of(path) == with_nul);
  CHECK(mode_of(path) == 0600);
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("A reader that has the old file open keeps it: a write replaces, it does not overwrite") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  REQUIRE(write_file_atomically(path, "old"));
  std::filesystem::create_hard_link(path, folder / "kept");
  REQUIRE(write_file_atomically(path, "new"));
  CHECK(text_of(path) == "new");
  CHECK(text_of(folder / "kept") == "old");
}

TEST_CASE("A symbolic link stays a link when its file is written, be the file there or not") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "dotfiles");
  std::filesystem::create_symlink("dotfiles/config.json", folder / "link");
  std::filesystem::create_symlink(folder / "link", folder / "config.json");
  REQUIRE(write_file_atomically(folder / "config.json", "new"));
  REQUIRE(write_file_atomically(folder / "config.json", "newer"));
  CHECK(std::filesystem::is_symlink(folder / "config.json"));
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(text_of(folder / "dotfiles/config.json") == "newer");
  // Where others may have made the link, it leads nowhere.
  REQUIRE(write_file_atomically(folder / "config.json", "mine", 0600, Durability::rename_only, Links::replace));
  CHECK_FALSE(std::filesystem::is_symlink(folder / "config.json"));
  CHECK(text_of(folder / "config.json") == "mine");
  CHECK(text_of(folder / "dotfiles/config.json") == "newer");
}

TEST_CASE("Reading tells a missing file from one that cannot be read, in words") {
  const TemporaryFolder folder;
  const auto missing = read_file(folder / "missing");
  REQUIRE(missing);
  CHECK_FALSE(missing->has_value());

  const auto a_folder = read_file(folder.path());
  REQUIRE_FALSE(a_folder);
  CHECK(a_folder.error().message == "Failed to read " + folder.path().string() + ": Is a directory");

  const std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const auto a_pipe = read_file(pipe);
  REQUIRE_FALSE(a_pipe);
  CHECK(a_pipe.error().message == "Failed to read " + pipe + ": it is not a regular file");

  const std::string large = folder / "large";
  REQUIRE(write_file_atomically(large, std::string(100, 'x')));
  CHECK(read_file(large, 100));
  const auto too_large = read_file(large, 99);
  REQUIRE_FALSE(too_large);
  CHECK(too_large.error().message == "Failed to read " + large + ": it is larger than 99 bytes");
}

TEST_CASE("A full disk leaves the old file as it is and no temporary one") {
  test::in_mount_namespace([] {
    const TemporaryFolder folder;
    test::mount_tmpfs(folder.path(), 64);
    const std::string path = folder / "state.json";
    REQUIRE(write_file_atomically(path, "the old text"));
    const auto result = write_file_atomically(path, std::string(1024 * 1024, 'x'));
    REQUIRE_FALSE(result);
    REQUIRE(result.error().code == ErrorCode::operation_failed);
    REQUIRE(result.error().message == "Failed to write " + path + ": No space left on device");
    REQUIRE(text_of(path) == "the old text");
    REQUIRE(entries_in(folder.path()) == 1);
    test::unmount(folder.path());
  });
}

TEST_CASE("A folder that is missing, or in the file's place, is named in the error") {
  const TemporaryFolder folder;
  const std::string path = folder / "none/state";
  const auto result = write_file_atomically(path, "text");
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "Failed to write " + path + ": No such file or directory");

  std::filesystem::create_directory(folder / "taken");
  REQUIRE_FALSE(write_file_atomically(folder / "taken", "text"));
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("Missing folders are made for the user alone, and those that exist are left") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  std::filesystem::permissions(folder / "a", std::filesystem::perms{0755});
  REQUIRE(make_directories(folder / "a/b/c/"));
  CHECK(mode_of(folder / "a") == 0755);
  CHECK(mode_of(folder / "a/b") == 0700);
  CHECK(mode_of(folder / "a/b/c") == 0700);
  CHECK(make_directories(folder / "a/b/c"));

  REQUIRE(write_file_atomically(folder / "file", ""));
  const auto in_a_file = make_directories(folder / "file/x");
  REQUIRE_FALSE(in_a_file);
  CHECK(in_a_file.error().message == "Failed to make the folder " + (folder / "file/x").string() + ": Not a directory");
  CHECK_FALSE(make_directories(folder / "file"));
}

}  // namespace
}  // namespace virtsession
