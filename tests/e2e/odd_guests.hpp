// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <string>

namespace virtsession::test {

// Guests with something about them that makes their way down unlike that of others.

/// With an NVMe controller, of which virtsession knows that it cannot be saved. \param hidden with shared memory in
/// place of that, which QEMU refuses to save, and of which the domain's XML does not tell
Guest define_unsaveable(Desktop& desktop, DomainXml domain, bool hidden);

/// A file system that is soon full, at /home/alice/small, until the host is off; with an image for a disk of 192 MiB.
void mount_small(Desktop& desktop);
/// \param size as of tmpfs: "120M"
void grow_small(Desktop& desktop, const std::string& size);
inline const std::string kSmallImage = "/home/alice/small/full.img";

/// Serves a disk from login on: qemu-nbd, a service of the user, which has to be logged in.
inline const std::string kDiskServer = "disk-server.service";
void install_disk_server(Desktop& desktop);
/// The disk it serves, for DomainXml::devices.
std::string served_disk(Desktop& desktop);

}  // namespace virtsession::test
