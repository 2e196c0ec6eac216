// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "journal.hpp"

#include <nlohmann/json.hpp>

// How a move's values look in its journal and in --json.

namespace virtsession::move {

NLOHMANN_JSON_SERIALIZE_ENUM(Side, {{Side::system, "system"}, {Side::session, "session"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Phase, {{Phase::arriving, "arriving"}, {Phase::arrived, "arrived"}})
NLOHMANN_JSON_SERIALIZE_ENUM(FileState, {{FileState::none, "none"},
                                         {FileState::begun, "begun"},
                                         {FileState::created, "created"},
                                         {FileState::done, "done"}})
NLOHMANN_JSON_SERIALIZE_ENUM(FileKind, {{FileKind::disk, "disk"},
                                        {FileKind::backing_file, "backing file"},
                                        {FileKind::boot_file, "boot file"},
                                        {FileKind::nvram, "firmware variables"},
                                        {FileKind::tpm, "TPM state"}})
NLOHMANN_JSON_SERIALIZE_ENUM(NetworkChoice::Kind, {{NetworkChoice::Kind::keep, "keep"},
                                                   {NetworkChoice::Kind::user, "user"},
                                                   {NetworkChoice::Kind::passt, "passt"},
                                                   {NetworkChoice::Kind::bridge, "bridge"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NetworkChoice, kind, bridge)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Request, vm, from, network, to, copy, keep_source)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Snapshot, name, xml, current)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, what, text, command)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FilePlan, kind, from, to, size, allocated, changed, format, backing, replaces,
                                   shared)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Plan, name, uuid, xml, autostart, tpm_folder, nvram, files, snapshots, checkpoints,
                                   kept, losses, obstacles)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Ownership, uid, gid, mode)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FileProgress, state, hash, kept, owner)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Record, phase, request, plan, source_uuid, source_xml, source_snapshots,
                                   source_checkpoints, source_autostart, nvram_was_there, tpm_was_there, files, arrived,
                                   named)

}  // namespace virtsession::move
