// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/files.hpp"

#include "content_hash.hpp"
#include "copy_file.hpp"
#include "image_header.hpp"
#include "kill_at.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

using namespace virtsession;
using namespace virtsession::move;
using namespace virtsession::test;

namespace {

/// qemu-img makes what is tested: the header as QEMU writes it.
bool shell(const std::string& line) { return std::system((line + " >/dev/null 2>&1").c_str()) == 0; }

std::string content(const std::string& path) { return read_file(path, 64 << 20).value().value_or("(none)"); }

std::uint64_t blocks(const std::string& path) {
  struct stat info {};
  stat(path.c_str(), &info);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

const auto kNobody = [](std::uint64_t) {};

}  // namespace

TEST_CASE("image header: what qemu-img wrote is read, and the backing file's name changed as qemu-img does it") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return std::string(folder.path()) + "/" + name; };
  REQUIRE(shell("qemu-img create -f qcow2 " + path("base.qcow2") + " 10M"));
  REQUIRE(shell("qemu-img create -f qcow2 -F qcow2 -b " + path("base.qcow2") + " " + path("top.qcow2")));
  const auto image = read_image_header(content(path("top.qcow2")));
  CHECK(image.format == "qcow2");
  CHECK(image.backing == path("base.qcow2"));
  CHECK(image.backing_format == "qcow2");
  CHECK(as_named(image, "qcow2").backing == image.backing);
  CHECK(as_named(image, "raw").backing.empty());
  CHECK(as_named(image, "raw").format == "raw");
  CHECK(as_named(image, "").fault.find("does not say that it is of format qcow2") != std::string::npos);
  CHECK_FALSE(image.has_data_file);
  CHECK(read_image_header(content(path("base.qcow2"))).backing.empty());

  for (const char* name : {"/a.qcow2", "a-relative-name.qcow2",
                           "/a/name/that/is/much/longer/than/the/one/before/it/"
                           "and/still/has/room/in/the/cluster/of/the/header.img"}) {
    CAPTURE(name);
    REQUIRE(shell("qemu-img rebase -u -F qcow2 -b " + std::string(name) + " " + path("top.qcow2")));
    auto changed = content(path("top.qcow2"));
    REQUIRE(change_backing_name(changed, path("base.qcow2")));
    REQUIRE(shell("qemu-img rebase -u -F qcow2 -b " + path("base.qcow2") + " " + path("top.qcow2")));
    CHECK(changed == content(path("top.qcow2")));
  }
  REQUIRE(shell("qemu-img create -f qcow2 -o data_file=" + path("raw") + " " + path("split.qcow2") + " 10M"));
  CHECK(read_image_header(content(path("split.qcow2"))).has_data_file);
  REQUIRE(shell("qemu-img create -f vmdk " + path("a.vmdk") + " 10M"));
  CHECK(read_image_header(content(path("a.vmdk"))).format == "vmdk");
}

TEST_CASE("image header: nonsense is a raw image, and never read past its end") {
  std::string header("QFI\xfb\0\0\0\3", 8);
  CHECK(read_image_header(header).backing.empty());
  header.resize(200, '\xff');
  CHECK(read_image_header(header).backing.empty());
  CHECK_FALSE(read_image_header(header).fault.empty());
  CHECK_FALSE(change_backing_name(header, "x"));
  CHECK(read_image_header("").format == "raw");
}

TEST_CASE("image header: what QEMU would not open has a fault, and no backing file") {
  const TemporaryFolder folder;
  const auto image = std::string(folder.path()) + "/a.qcow2";
  REQUIRE(shell("qemu-img create -f qcow2 -u -F qcow2 -b /some/file.qcow2 " + image + " 10M"));
  const auto good = content(image);
  REQUIRE(read_image_header(good).fault.empty());
  struct Row {
    std::size_t at;
    std::string bytes;
    std::string fault;
  };
  const std::string zero(4, '\0');
  for (const auto& row :
       {Row{16, std::string("\0\0\x20\0", 4), "has 8192 bytes"}, Row{16, "\xff\xff\xff\xff", "has 4294967295 bytes"},
        Row{8, "\xff\xff\xff\xff\xff\xff\xff\xff", "lies outside of it"},
        Row{8, zero + std::string("\0\0\xff\xff", 4), "has 16 bytes"}, Row{20, "\xff\xff\xff\xff", "no possible size"},
        Row{20, zero, "no possible size"}, Row{100, "\xff\xff\xff\xff", "no possible length"},
        Row{4, std::string("\0\0\0\x04", 4), "version 4"}}) {
    auto bad = good;
    bad.replace(row.at, row.bytes.size(), row.bytes);
    const auto header = read_image_header(bad);
    CAPTURE(row.fault);
    CAPTURE(header.fault);
    CHECK(header.fault.find(row.fault) != std::string::npos);
    CHECK(header.backing.empty());
    CHECK_FALSE(change_backing_name(bad, "/x"));
    std::ofstream(image) << bad;
    CHECK_FALSE(shell("qemu-img check -f qcow2 " + image));  // QEMU means the same
  }
}

TEST_CASE("content hash: XXH64, and the same whatever is a hole") {
  CHECK(xxh64("") == 0xef46db3751d8e999);
  CHECK(xxh64("a") == 0xd24ec4f1a98c6e5b);
  CHECK(xxh64("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1);

  const std::string zeros(200000, '\0');
  ContentHash holes, full, other;
  holes.add(300000, "data");
  full.add(0, zeros);
  full.add(200000, zeros.substr(0, 100000));
  full.add(300000, "da");
  full.add(300002, "ta");
  full.add(300004, zeros);
  other.add(300001, "data");
  const auto hash = holes.finish(600000);
  CHECK(full.finish(600000) == hash);
  CHECK(other.finish(600000) != hash);
  CHECK(ContentHash().finish(5) != ContentHash().finish(6));
}

TEST_CASE("copying: holes stay holes, nothing is written over, and what is left of a kill is removed") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return std::string(folder.path()) + "/" + name; };
  {
    std::ofstream file(path("from"));
    file.seekp(40 << 20);
    file << "the end";
  }
  LocalFiles files;
  const auto hash = copy_file(files, path("from"), files, path("deep/er/to"), "", nullptr, kNobody);
  REQUIRE(hash);
  CHECK(content(path("deep/er/to")) == content(path("from")));
  CHECK(blocks(path("deep/er/to")) < 1 << 20);
  CHECK(*hash_of(files, path("deep/er/to")) == *hash);
  CHECK_FALSE(copy_file(files, path("from"), files, path("deep/er/to"), "", nullptr, kNobody));

  std::ofstream(path("half.part")) << "half";
  CHECK_FALSE(copy_file(files, path("from"), files, path("half"), "", nullptr, kNobody));
  REQUIRE(files.remove_unfinished(path("half"), false));
  CHECK(copy_file(files, path("from"), files, path("half"), "", nullptr, kNobody));
  CHECK(access(path("half.part").c_str(), F_OK) < 0);
}

TEST_CASE("copying: a name behind much else in the header is changed as a whole") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return std::string(folder.path()) + "/" + name; };
  REQUIRE(shell("qemu-img create -f qcow2 -u -F qcow2 -b /some/file.qcow2 " + path("top.qcow2") + " 10M"));
  constexpr std::size_t kFar = 9000;
  {
    std::fstream file(path("top.qcow2"), std::ios::in | std::ios::out);
    const char at[8] = {0, 0, 0, 0, 0, 0, kFar >> 8, kFar & 0xff};
    file.seekp(8).write(at, 8);
    file.seekp(kFar) << "/some/file.qcow2";
  }
  REQUIRE(read_image_header(content(path("top.qcow2"))).backing == "/some/file.qcow2");
  LocalFiles files;
  REQUIRE(copy_file(files, path("top.qcow2"), files, path("to.qcow2"), "/another/file.qcow2", nullptr, kNobody));
  CHECK(read_image_header(content(path("to.qcow2"))).backing == "/another/file.qcow2");
  CHECK(shell("qemu-img info -U " + path("to.qcow2") + " | grep '/another/file.qcow2$'"));
}

TEST_CASE("copying: nothing is replaced where the file system cannot rename without replacing") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return std::string(folder.path()) + "/" + name; };
  std::ofstream(path("from")) << "ours";
  LocalFiles files;
  CHECK(without_renameat2(
      [&] { return static_cast<bool>(copy_file(files, path("from"), files, path("to"), "", nullptr, kNobody)); }));
  CHECK(content(path("to")) == "ours");
  CHECK(content(path("to.part")) == "(none)");
  CHECK(without_renameat2([&] {
    const auto writer = files.create(path("taken"), nullptr);
    std::ofstream(path("taken")) << "somebody's";
    return writer && (*writer)->write(0, "ours") && !(*writer)->finish(4);
  }));
  CHECK(content(path("taken")) == "somebody's");
}

TEST_CASE("copying: of what a kill left, ours is removed") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return std::string(folder.path()) + "/" + name; };
  LocalFiles files;
  const auto left = [&](bool was_created) {
    REQUIRE(files.remove_unfinished(path("a"), was_created));
    return content(path("a")) + " " + content(path("a.part"));
  };
  std::ofstream(path("a")) << "a";
  CHECK(left(false) == "a (none)");
  std::ofstream(path("a.part")) << "b";
  CHECK(left(true) == "a (none)");
  CHECK(left(true) == "(none) (none)");
  std::ofstream(path("a.part")) << "b";
  REQUIRE(link(path("a.part").c_str(), path("a").c_str()) == 0);
  CHECK(left(false) == "(none) (none)");
  std::ofstream(path("a.part")) << "b";
  REQUIRE(link(path("a.part").c_str(), path("a").c_str()) == 0);
  REQUIRE(files.remove_part(path("a")));
  CHECK(content(path("a")) + " " + content(path("a.part")) == "b (none)");
}

TEST_CASE("copying: a damaged image is found") {
  const TemporaryFolder folder;
  const auto image = std::string(folder.path()) + "/a.qcow2";
  REQUIRE(shell("qemu-img create -f qcow2 " + image + " 10M && qemu-io -c 'write 0 1M' " + image));
  CHECK(check_image(image));
  REQUIRE(shell("printf '\\377\\377\\377' | dd of=" + image + " bs=1 seek=196609 conv=notrunc"));
  REQUIRE(
      shell("printf '\\000\\000\\000\\000\\000\\000\\000\\000' | dd of=" + image + " bs=1 seek=131072 conv=notrunc"));
  CHECK_FALSE(check_image(image));
}
