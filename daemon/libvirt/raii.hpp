// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_c_ptr.hpp"

#include <libvirt/libvirt.h>

#include <cstdlib>

namespace virtsession {

/// A reference to a connection. The last one closes it, which may block: never drop it on the main loop's thread.
using ConnectPtr = UniqueCPtr<virConnect, virConnectClose>;
/// A domain; it holds a reference to its connection.
using DomainPtr = UniqueCPtr<virDomain, virDomainFree>;
using SnapshotPtr = UniqueCPtr<virDomainSnapshot, virDomainSnapshotFree>;
using CheckpointPtr = UniqueCPtr<virDomainCheckpoint, virDomainCheckpointFree>;
using PoolPtr = UniqueCPtr<virStoragePool, virStoragePoolFree>;
using VolumePtr = UniqueCPtr<virStorageVol, virStorageVolFree>;
using StreamPtr = UniqueCPtr<virStream, virStreamFree>;
/// A string that libvirt allocated for its caller.
using CString = UniqueCPtr<char, std::free>;

}  // namespace virtsession
