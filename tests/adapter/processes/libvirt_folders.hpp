// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "adapter/processes/fake_process.hpp"
#include "support/temporary_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace virtsession::test {

/// The folders in which libvirt's session daemon keeps pid files, as libvirt 9.0 and 11.3 make them. The environment
/// leads there while it lives.
class LibvirtFolders {
 public:
  LibvirtFolders() {
    setenv("XDG_RUNTIME_DIR", (folder_ / "runtime").c_str(), 1);
    setenv("XDG_CONFIG_HOME", (folder_ / "config").c_str(), 1);
  }
  ~LibvirtFolders() {
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CONFIG_HOME");
  }
  LibvirtFolders(const LibvirtFolders&) = delete;
  LibvirtFolders& operator=(const LibvirtFolders&) = delete;

  /// \param file below .../libvirt/qemu/run
  void write_pid(const std::string& file, pid_t pid) { write(folder_ / "runtime/libvirt/qemu/run" / file, pid); }
  /// \param file below .../libvirt/qemu/lib
  void write_lib_pid(const std::string& file, pid_t pid) { write(folder_ / "config/libvirt/qemu/lib" / file, pid); }

 private:
  static void write(const std::filesystem::path& file, pid_t pid) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << pid << '\n';
  }

  TemporaryFolder folder_;
};

/// A process that looks like a VM's QEMU, with libvirt's pid file.
class FakeQemu : public FakeProcess {
 public:
  FakeQemu(LibvirtFolders& folders, const std::string& name, const std::string& uuid)
      : FakeProcess({"qemu-system-x86_64", "-name", "guest=" + name + ",debug-threads=on", "-S", "-uuid", uuid,
                     "-display", "none"}) {
    folders.write_pid(name + ".pid", pid());
  }
};

}  // namespace virtsession::test
