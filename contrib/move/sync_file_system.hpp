// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <string>

namespace virtsession::move {

/// Returns when all that any program wrote to the file system of a file is on the disk. The file and its folder need
/// not be readable: what libvirt's daemon writes for virStorageVolUpload() it does not sync, and syncfs(2) takes any
/// folder. Blocks for as long as that takes. \return `operation_failed` when something could not be written
Result<void> sync_file_system_of(const std::string& path);

}  // namespace virtsession::move
