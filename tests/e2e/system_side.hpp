// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <string>
#include <vector>

namespace virtsession::test {

/// The system's libvirt on a Desktop's host, as its distribution's packages install it, and a VM there with everything
/// that can get lost.
class SystemSide {
 public:
  static constexpr const char* kVm = "win";
  /// First lines on the disks of make_vm(): vda, which stands on a backing file, and vdb.
  static constexpr const char* kFirst = "file-one";
  static constexpr const char* kSecond = "file-two";

  explicit SystemSide(Desktop& desktop);

  /// The Desktop's user may manage it, from the next login on.
  void allow_user();
  /// `virsh -c qemu:///system` as root; a failure is an error.
  std::string virsh(std::vector<std::string> arguments);
  /// Defines the VM (UEFI, TPM, two disks) and makes its disks. With `boot` it runs once and leaves "written" in its
  /// TPM and in a boot entry; else its firmware variables and its TPM's state are those of a first start.
  void make_vm(bool boot);
  /// Waits until the guest has said so since the last start, wherever it runs.
  void wait_for_console(const std::string& text);
  void forget_console();

  /// SHA-256 of every disk, firmware variables and TPM state of the VM, "NAME SUM" a line, in one order.
  std::string system_sums();
  std::string session_sums();
  /// Where the VM is defined and whether it is marked there: "system marked", "session", "both" ...
  std::string where();

 private:
  void define(const std::string& state);
  std::string sums(const std::string& folder_of_disks, const std::string& folder_of_state);

  Desktop& desktop_;
};

}  // namespace virtsession::test
