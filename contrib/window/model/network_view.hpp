// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine_view.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// How a VM is reached: the properties Forwards and Addresses of org.virtsession.Supervisor1.VM.

namespace virtsession::window {

/// A port of the host that leads into the guest.
struct ForwardView {
  std::string title;  ///< "127.0.0.1:2222 → 22"
  std::string note;   ///< "Active", or the state and why, in the user's language
  Tone tone = Tone::faint;
  std::string icon;
  std::string spec;  ///< the policy's text; empty when somebody else made it

  bool operator==(const ForwardView&) const = default;
};
std::vector<ForwardView> forwards_of(const VmInfo& vm);

/// "2222 → 22, 8080 → 80": those that work, or will when the VM starts. Empty without any.
std::string forwards_line(const VmInfo& vm);

/// Whether one of them cannot be made, and somebody should know.
bool has_failed_forward(const VmInfo& vm);

struct AddressView {
  std::string address;
  std::string note;  ///< who says so, and the NIC

  bool operator==(const AddressView&) const = default;
};
/// Where the guest itself is; forwards are not among them.
std::vector<AddressView> addresses_of(const VmInfo& vm);

/// The command that opens a shell in the guest; empty while there is no way to it.
std::string ssh_line(const VmInfo& vm);

/// What a person wants of a new forward.
struct NewForward {
  std::uint16_t host_port = 0;  ///< 0: virtsessiond chooses, and keeps it
  std::uint16_t guest_port = 0;
  bool udp = false;
  bool for_others = false;  ///< reachable from other machines, too
};
/// As the policy key `ports` has it: "2222:22", "0.0.0.0:8080:80", "auto:53/udp".
std::string spec_of(const NewForward& forward);

/// The policy's list with one more, or with one less. What is in force is the base: a list from the configuration
/// becomes the VM's own.
/// @{
nlohmann::json ports_with(const VmInfo& vm, const std::string& spec);
nlohmann::json ports_without(const VmInfo& vm, const std::string& spec);
/// @}

}  // namespace virtsession::window
