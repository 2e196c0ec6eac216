// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/autostart_links.hpp"

#include "support/loop_until.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("the autostart flag of a VM is followed by its link, whatever its name holds") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher paths(loop);
  std::set<std::string> names;
  bool any = false;
  const AutostartLinks links(paths, folder.path(),
                             {.one = [&](const std::string& name) { names.insert(name); }, .any = [&] { any = true; }});
  loop_until(loop, "a first look", [&] { return any; });
  any = false;
  const auto autostart = folder / "libvirt/qemu/autostart";
  std::filesystem::create_directories(autostart);
  // It is made in three steps, each of which is told: one link more each time, until one is told by its name.
  int probes = 0;
  loop_until(loop, "the folder", [&] {
    std::filesystem::create_symlink("/nowhere", autostart / ("probe" + std::to_string(++probes) + ".xml"));
    return !names.empty();
  });
  for (const std::string name : {"plain", "a.xml-b", "a.xml"}) {
    std::filesystem::create_symlink("/nowhere", autostart / (name + ".xml"));
    loop_until(loop, "the link of " + name, [&] { return names.contains(name); });
  }
  std::erase_if(names, [](const std::string& name) { return name.starts_with("probe"); });
  CHECK(names == std::set<std::string>{"plain", "a.xml-b", "a.xml"});
}
