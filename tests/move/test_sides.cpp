// SPDX-License-Identifier: LGPL-2.1-or-later
#include "test_sides.hpp"

#include "gather.hpp"
#include "libvirt/error.hpp"
#include "util/files.hpp"

#include <libvirt/virterror.h>

#include <fstream>
#include <stdexcept>

namespace virtsession::test {

using namespace move;

namespace {

/// A driver of its own for every file, unlike test:///default.
std::unique_ptr<SideAccess> open_side(Side side, const std::string& file) {
  std::ofstream(file) << "<node/>";
  virSetErrorFunc(nullptr, [](void* /*opaque*/, virErrorPtr /*error*/) {});
  ConnectPtr connection(virConnectOpen(("test://" + file).c_str()));
  if (!connection) throw std::runtime_error(take_last_error().message);
  return std::make_unique<SideAccess>(side, std::move(connection));
}

std::string xml_of(const std::string& disk, const std::string& name, const std::string& uuid) {
  return "<domain type='test'><name>" + name + "</name><uuid>" + uuid +
         "</uuid><memory>1024</memory><os><type>hvm</type></os><devices><disk type='file' device='disk'>"
         "<driver type='" +
         (disk.ends_with(".qcow2") ? "qcow2" : "raw") + "'/><source file='" + disk +
         "'/><target dev='vda' bus='virtio'/></disk></devices></domain>";
}

}  // namespace

TestSides::TestSides()
    : journals_(std::make_unique<Journals>(Journals::open((folder_ / "state").string()).value())),
      source(open_side(Side::system, path("system.xml"))),
      target(open_side(Side::session, path("session.xml"))) {}

std::string TestSides::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
  return path(name);
}

std::string TestSides::text(const std::string& path) {
  return read_file(path, std::size_t{64} << 20).value().value_or("(none)");
}

void TestSides::define(SideAccess& side, const std::string& disk, const std::string& name,
                       const std::string& uuid) const {
  const DomainPtr domain(virDomainDefineXML(side.connection(), xml_of(disk, name, uuid).c_str()));
  if (!domain) throw std::runtime_error(take_last_error().message);
}

Record TestSides::record_of_move() {
  const auto from = write("from", "the disk"), to = path("to");
  define(*source, from);
  LocalFiles files;
  const auto facts = files.look(from).value();
  Record record;
  record.request = {.vm = "web", .network = {}, .to = {}};
  record.plan.name = "web";
  record.plan.uuid = record.source_uuid = kUuid;
  record.plan.xml = xml_of(to, "web", kUuid);
  record.plan.files = {{.from = from, .to = to, .size = facts.size, .allocated = facts.allocated}};
  record.plan.files[0].changed = facts.changed;
  record.source_xml = definition_of(source_vm().get()).value();
  record.files.resize(1);
  return record;
}

Mover TestSides::mover(Record& record) {
  return {*journals_, record, *source, *target, {.step = [](auto&) {}, .progress = [](auto&, auto, auto) {}}};
}

}  // namespace virtsession::test
