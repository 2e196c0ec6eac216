// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libxml/tree.h>

#include <string>

namespace virtsession {

/// Why libvirt's QEMU driver refuses to save a domain, as far as its XML tells it for certain: one sentence for a
/// person, or empty. libvirt asks QEMU too when it comes to that, so an empty text is no promise (a folder shared by 9p
/// blocks a save only while the guest has it mounted, one by virtiofs depending on the versions of three programs, a
/// mediated device on its driver). See qemuMigrationSrcIsAllowed() in libvirt's src/qemu/qemu_migration.c, which is the
/// same for a save, from 9.0 on. \param domain the document's root element
std::string save_blocker(const xmlNode* domain);

}  // namespace virtsession
