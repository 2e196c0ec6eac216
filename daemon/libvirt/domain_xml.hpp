// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// The mark of virtsession-move in a domain's metadata: one element with text.
inline constexpr const char* kMoveNamespace = "https://virtsession.org/move/1";

/// What a DomainSnapshot needs of a domain's XML. See libvirt's formatdomain.
struct DomainXml {
  std::string title;
  int id = -1;  ///< of the running domain; -1 when the XML is of one that is off
  std::uint64_t memory_kib = 0;
  bool agent_configured = false;
  bool agent_connected = false;
  std::vector<Network> networks;
  std::optional<std::uint32_t> vsock_cid;         ///< of the running domain, or one that is always the same
  std::vector<Forward> forwards;                  ///< see forwards_of_interface()
  std::vector<Forward> own_forwards;              ///< see kForwardsNamespace
  std::map<std::string, std::string> disk_files;  ///< by target ("vda"): the file or device; not of network disks
  std::vector<std::string> needed_files;          ///< those of them that a start cannot do without
  std::vector<std::string> usb_devices;           ///< "046d:c52b": likewise, of the host
  std::string save_blocker;                       ///< see save_blocker()
  std::string move_mark;                          ///< the text of that element, or empty
  bool restarts_on_poweroff = false;
  bool is_guestfs = false;  ///< made by libguestfs: its name or its metadata say so
};

/// Reads the XML that virDomainGetXMLDesc returned. What is missing or odd keeps its default: only XML that is not
/// well-formed, or not of a domain, is an error (operation_failed). From any thread.
Result<DomainXml> parse_domain_xml(std::string_view xml);

}  // namespace virtsession
