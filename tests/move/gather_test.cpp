// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gather.hpp"

#include "plan_text.hpp"
#include "test_sides.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

using namespace virtsession;
using namespace virtsession::move;
using namespace virtsession::test;

namespace {

constexpr const char* kOther = "11111111-2222-4333-8444-555555555555";

struct World : TestSides {
  Places places{.config_home = path("config"), .data_home = path("data"), .state_home = path("state"), .user = "alice"};
  Request request{.vm = "web", .network = {}, .to = {}};

  Facts gather() { return gather_facts(request, places, *source, source_vm().get(), *target).value(); }
  void layer(const std::string& name, const std::string& below) const {
    const auto line =
        "qemu-img create -q -f qcow2 " + (below.empty() ? "" : "-F qcow2 -u -b '" + below + "' ") + path(name) + " 1M";
    REQUIRE(std::system(line.c_str()) == 0);
  }
};

}  // namespace

TEST_CASE_FIXTURE(World, "gather: a disk that another VM stands on is not among what may be deleted") {
  layer("web.qcow2", "");
  define(*source, path("web.qcow2"));
  const auto shared = [&] { return make_plan(request, gather())->files.at(0).shared; };
  CHECK_FALSE(shared());
  SUBCASE("over two layers, one of a relative name") {
    layer("middle.qcow2", path("web.qcow2"));
    layer("other.qcow2", "middle.qcow2");
  }
  SUBCASE("in a way that is not followed") {
    layer("other.qcow2", R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"/x"}})");
  }
  define(*source, path("other.qcow2"), "other", kOther);
  CHECK(shared());
  CHECK(delete_command(request, make_plan(request, gather()).value()).empty());
}

TEST_CASE_FIXTURE(World, "gather: a disk that another VM may stand on, whose own cannot be read, is not among them") {
  std::swap(source, target);
  request.from = Side::session;
  layer("web.qcow2", "");
  define(*source, path("web.qcow2"));
  CHECK_FALSE(make_plan(request, gather())->files.at(0).shared);
  std::filesystem::create_symlink("loop", path("loop"));
  define(*source, path("loop"), "other", kOther);
  CHECK(make_plan(request, gather())->files.at(0).shared);
}

TEST_CASE_FIXTURE(World, "gather: another VM that stands on other files does not matter") {
  layer("web.qcow2", "");
  layer("other.qcow2", "");
  define(*source, path("web.qcow2"));
  define(*source, path("other.qcow2"), "other", kOther);
  CHECK_FALSE(make_plan(request, gather())->files.at(0).shared);
}

TEST_CASE_FIXTURE(
    World, "gather: what a guest writes into a raw disk is no image's header, and no file of others goes along") {
  layer("web.img", write("secret", "of the host"));
  define(*source, path("web.img"));
  const auto plan = make_plan(request, gather()).value();
  for (const auto& obstacle : plan.obstacles) CHECK(obstacle.what != "disk vda");
  REQUIRE(plan.files.size() == 1);
  CHECK(plan.files[0].format == "raw");
  CHECK(plan.files[0].backing.empty());
  SUBCASE("nor below an image that says that it stands on a raw one") {
    REQUIRE(
        std::system(("qemu-img create -q -f qcow2 -F raw -u -b " + path("web.img") + " " + path("web.qcow2") + " 1M")
                        .c_str()) == 0);
    define(*source, path("web.qcow2"));
    CHECK(make_plan(request, gather())->files.size() == 2);
  }
}
