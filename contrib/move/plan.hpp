// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"
#include "core/result.hpp"
#include "image_header.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// The plan of a move between qemu:///system and qemu:///session: a pure function of the domain's XML and of facts about
// the storage and about the libvirt that it goes to. The whole rule is here and in the table of plan.cpp (one row for
// each kind of thing in a definition):
//
//   - What makes the guest what it is stays: uuid, MAC addresses, machine type, firmware variables (NVRAM), TPM state,
//     disks with their backing files, internal snapshots, checkpoints, title, metadata, the autostart flag. A copy gets
//     a uuid and MAC addresses of its own.
//   - What the other side has in another way is changed, and told as a loss where the guest or its owner notices:
//     networks, limits that the session refuses (kept as virtsession's policy where it has a key), security labels.
//   - What cannot be there at all is an obstacle with the command that clears it. One obstacle, and nothing is done.
//   - What is not known to differ is kept as it is; libvirt has the last word when it opens the VM (journal.hpp).
//
// Files get the name that they have, or NAME-2, NAME-3 ... where that is taken: a file that exists is never written
// over. libvirt's own state of a VM (NVRAM at its default path, TPM) has one place on each side; what lies there from
// an earlier stay is kept in the journal's folder and then replaced.

namespace virtsession::move {

enum class Side { system, session };

inline Side other(Side side) { return side == Side::system ? Side::session : Side::system; }
inline std::string uri_of(Side side) { return side == Side::system ? "qemu:///system" : "qemu:///session"; }

/// What becomes of network cards. `keep`: what works on the other side stays, a network of the system becomes `user`.
struct NetworkChoice {
  enum class Kind { keep, user, passt, bridge } kind = Kind::keep;
  std::string bridge;
};

struct Request {
  std::string vm;  ///< a name or a uuid
  Side from = Side::system;
  NetworkChoice network;
  std::string to;  ///< the folder for disks; empty for the default one
  bool copy = false;
  bool keep_source = false;
};

/// One file of the source, as far as it can be seen.
struct FileFacts {
  enum class Kind { missing, file, block_device, folder, unreadable };
  Kind kind = Kind::missing;
  std::string reason;  ///< of unreadable
  std::uint64_t size = 0;
  std::uint64_t allocated = 0;
  std::string changed;              ///< when it was written to last, as an opaque text
  bool readable_by_user = false;    ///< without libvirt's help
  bool readable_by_others = false;  ///< the file and every folder above it, by anybody
  ImageHeader image;
};

struct Snapshot {
  std::string name;
  std::string xml;
  bool current = false;
};

/// The VM and its files where they are.
struct SourceFacts {
  std::string name;
  std::string uuid;
  std::string xml;  ///< inactive, with security information
  bool active = false;
  bool persistent = true;
  bool managed_save = false;
  bool autostart = false;
  std::vector<Snapshot> snapshots;    ///< parents first
  std::vector<Snapshot> checkpoints;  ///< parents first
  std::map<std::string, FileFacts> files;
  std::vector<std::string> tpm_files;  ///< in the folder tpm_folder
  std::string tpm_folder;
  std::string nvram_folder;
  std::map<std::string, std::set<std::string>> others;  ///< other VMs there: name to the files they stand on
  bool others_are_known = true;                ///< false: a file of theirs cannot be read, and may stand on any other
  std::map<std::string, std::string> volumes;  ///< "POOL/VOLUME" of a disk: its path
};

/// The libvirt that it goes to.
struct TargetFacts {
  std::map<std::string, std::string> domains;              ///< name to uuid
  std::map<std::string, std::vector<std::string>> others;  ///< name to the files that a definition names
  std::uint64_t libvirt_version = 0;                       ///< as libvirt counts: 9000000 for 9.0.0
  bool kvm = true;
  bool passt = false;              ///< libvirt takes it and the program is there
  std::set<std::string> machines;  ///< machine types of the emulator; empty when not known
  std::string images_folder;
  std::set<std::string> image_names;  ///< what is in images_folder
  std::string nvram_folder;
  std::string tpm_folder;  ///< below it UUID/tpm2
  std::optional<std::uint64_t> free_bytes;
  std::set<std::string>
      writable;            ///< of the paths that the definition writes to (logs, sockets): those that this side can
  std::string user;        ///< the caller's name, for commands
  std::string fresh_uuid;  ///< for a copy
  std::vector<std::string> fresh_macs;
};

struct Facts {
  SourceFacts source;
  TargetFacts target;
};

enum class FileKind { disk, backing_file, boot_file, nvram, tpm };

struct FilePlan {
  FileKind kind = FileKind::disk;
  std::string from{};
  std::string to{};
  std::uint64_t size = 0;
  std::uint64_t allocated = 0;
  std::string changed{};  ///< of the source when it was planned
  std::string format{};
  std::string backing{};  ///< what the header is to name as its backing file; empty: it stays
  bool replaces = false;  ///< libvirt's own place for it: what lies there is kept elsewhere and replaced
  bool shared = false;    ///< another VM of the source uses it, or may: not among what may be deleted
};

/// One sentence about one thing, and a command that helps, or none.
struct Item {
  std::string what;  ///< "disk vda", "network card 52:54:00:01:02:03" ...
  std::string text;
  std::string command;
};

struct Plan {
  std::string name;
  std::string uuid;  ///< of the target
  std::string xml;   ///< of the target
  bool autostart = false;
  std::string tpm_folder;       ///< where the TPM's state is to lie, of each version in a folder; empty for no TPM
  std::string nvram;            ///< where the firmware variables are to lie; empty for none
  std::vector<FilePlan> files;  ///< backing files before what stands on them
  std::vector<Snapshot> snapshots;
  std::vector<Snapshot> checkpoints;
  std::vector<Item> kept;  ///< in another form: a limit as a policy key ...
  std::vector<Item> losses;
  std::vector<Item> obstacles;

  std::uint64_t bytes() const;
};

struct NamedFile {
  std::string path;
  std::string format;  ///< that it is said to have there; empty when that is not said
};

/// The files that a definition names and that a plan wants FileFacts of: disks, CD images, kernels, NVRAM. Backing
/// files are named by their headers. `volumes` resolves disks that are named by pool and volume.
std::vector<NamedFile> files_of(const std::string& xml, const std::map<std::string, std::string>& volumes,
                                const std::string& nvram_folder, const std::string& name);
std::vector<std::string> paths_of(const std::vector<NamedFile>& files);
/// "POOL", "VOLUME" of the disks that are named in that way.
std::vector<std::pair<std::string, std::string>> volumes_of(const std::string& xml);
/// Files that QEMU or libvirt writes to for a device: logs, sockets, serial ports.
std::vector<std::string> written_paths_of(const std::string& xml);

/// Pure. \return the plan, with obstacles when it cannot be done; an error when the XML is not a domain's
Result<Plan> make_plan(const Request& request, const Facts& facts);

}  // namespace virtsession::move
