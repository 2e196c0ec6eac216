// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domains.hpp"

#include "domain_tree.hpp"
#include "gather.hpp"
#include "libvirt/error.hpp"

#include <libvirt/virterror.h>
#include <libxml/xmlstring.h>

#include <chrono>
#include <thread>

namespace virtsession::move {
namespace {

constexpr const char* kMarkKey = "virtsession-move";
constexpr std::chrono::seconds kPatience{30};  // until libvirt has started or stopped a QEMU

/// The definition with the mark in it from the beginning.
Result<std::string> with_mark(const std::string& xml, const char* mark) {
  const auto document = parse_definition(xml);
  if (!document) return document.error();
  auto* root = xmlDocGetRootElement(document->get());
  auto* metadata = child_to_change(root, "metadata");
  if (!metadata) metadata = add_child(root, "metadata");
  for (auto* old : children(metadata, "move"))
    if (old->ns && xmlStrEqual(old->ns->href, xml_chars(kMoveNamespace))) remove(old);
  auto* element = add_child(metadata, "move", mark);
  xmlSetNs(element, xmlNewNs(element, xml_chars(kMoveNamespace), xml_chars(kMarkKey)));
  return to_text(root);
}

/// The mark in the definition, or in the one that it runs with.
std::string mark_in(virDomainPtr domain, unsigned flags) {
  const CString xml(virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, kMoveNamespace, flags));
  virResetLastError();
  if (!xml) return {};
  const auto document = parse_definition(xml.get());
  return document ? text_of(xmlDocGetRootElement(document->get())).value_or("") : std::string();
}

/// `changing`: QEMU starts or ends.
enum class Life { off, opening, changing, started };

Result<Life> life_of(virDomainPtr domain) {
  const int active = virDomainIsActive(domain);
  if (active == 0) return Life::off;
  int state = VIR_DOMAIN_NOSTATE;
  if (active < 0 || virDomainGetState(domain, &state, nullptr, 0) < 0) return last_error(domain);
  switch (state) {
    case VIR_DOMAIN_PAUSED:
      if (mark_in(domain, VIR_DOMAIN_AFFECT_LIVE) == kOpening) return Life::opening;
      return virDomainIsActive(domain) == 1 ? Life::started : Life::changing;
    case VIR_DOMAIN_SHUTDOWN:  // QEMU was asked to end
    case VIR_DOMAIN_SHUTOFF:   // libvirt prepares its start, or it has ended since it was asked whether it is active
      return Life::changing;
    default:
      return Life::started;
  }
}

Error somebody_started(virDomainPtr domain) {
  const CString uri(virConnectGetURI(virDomainGetConnect(domain)));
  virResetLastError();
  return {ErrorCode::busy, "Somebody has started \"" + std::string(virDomainGetName(domain)) + "\" in " +
                               (uri ? uri.get() : "libvirt") + ": shut it down there, then try again"};
}

/// Ends it at once.
Result<void> destroy(virDomainPtr domain) {
  if (virDomainDestroy(domain) == 0) return {};
  auto error = last_error(domain);
  const bool active = virDomainIsActive(domain) == 1;
  virResetLastError();
  if (active) return error;
  return {};
}

}  // namespace

std::string mark_of(virDomainPtr domain) { return mark_in(domain, VIR_DOMAIN_AFFECT_CONFIG); }

Result<void> set_mark(virDomainPtr domain, const char* mark) {
  const auto xml = "<move>" + std::string(mark) + "</move>";
  if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml.c_str(), kMarkKey, kMoveNamespace,
                           VIR_DOMAIN_AFFECT_CONFIG) < 0)
    return last_error(domain);
  return {};
}

Result<void> clear_mark(virDomainPtr domain) {
  if (mark_of(domain).empty()) return {};
  if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, nullptr, kMarkKey, kMoveNamespace,
                           VIR_DOMAIN_AFFECT_CONFIG) < 0)
    return last_error(domain);
  return {};
}

Result<void> set_autostart(virDomainPtr domain, bool on) {
  if (virDomainSetAutostart(domain, on ? 1 : 0) < 0) return last_error(domain);
  return {};
}

Result<DomainPtr> define(SideAccess& side, const std::string& xml, const char* mark) {
  const auto marked = with_mark(xml, mark);
  if (!marked) return marked.error();
  DomainPtr domain(virDomainDefineXML(side.connection(), marked->c_str()));
  if (!domain) return last_error(side.connection());
  return domain;
}

Result<void> define_states(virDomainPtr domain, const std::vector<Snapshot>& snapshots,
                           const std::vector<Snapshot>& checkpoints) {
  for (const auto& snapshot : snapshots) {
    const SnapshotPtr there(virDomainSnapshotLookupByName(domain, snapshot.name.c_str(), 0));
    virResetLastError();
    if (there) continue;
    unsigned flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
    if (snapshot.current) flags |= VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT;
    const SnapshotPtr made(virDomainSnapshotCreateXML(domain, snapshot.xml.c_str(), flags));
    if (!made) return last_error(domain);
  }
  for (const auto& checkpoint : checkpoints) {
    const CheckpointPtr there(virDomainCheckpointLookupByName(domain, checkpoint.name.c_str(), 0));
    virResetLastError();
    if (there) continue;
    const CheckpointPtr made(
        virDomainCheckpointCreateXML(domain, checkpoint.xml.c_str(), VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE));
    if (!made) return last_error(domain);
  }
  return {};
}

Result<void> expect_off(virDomainPtr domain) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto life = life_of(domain);
    if (!life) return life.error();
    if (*life == Life::off) return {};
    if (*life == Life::opening) return destroy(domain);
    if (*life == Life::started || std::chrono::steady_clock::now() > deadline) return somebody_started(domain);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Result<void> try_to_open(virDomainPtr domain) {
  if (auto off = expect_off(domain); !off) return off;
  const auto xml = definition_of(domain);
  if (!xml) return xml.error();
  const auto marked = with_mark(*xml, kOpening);
  if (!marked) return marked.error();
  auto* connection = virDomainGetConnect(domain);
  const DomainPtr started(
      virDomainCreateXML(connection, marked->c_str(), VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY));
  if (!started) return last_error(connection);
  return expect_off(domain);
}

Result<void> undefine(virDomainPtr domain, WithState state) {
  const unsigned nvram = state.nvram ? VIR_DOMAIN_UNDEFINE_NVRAM : VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
  const unsigned tpm = state.tpm ? VIR_DOMAIN_UNDEFINE_TPM : VIR_DOMAIN_UNDEFINE_KEEP_TPM;
  if (virDomainUndefineFlags(
          domain, VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | nvram | tpm) < 0)
    return last_error(domain);
  return {};
}

}  // namespace virtsession::move
