// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

namespace virtsession::test {

/// Runs `body` in a child process with mounts of its own, and fails the test when it throws, which REQUIRE does and
/// CHECK does not. An EventLoop must be made in `body`: sd-event refuses one of the parent's. Needs root.
void in_mount_namespace(const std::function<void()>& body);

/// The same for a body with threads of its own: a child that is forked while other threads run (those of a watcher that
/// has gone may) finds locks that nobody opens any more, and its threads wait for them, above all under sanitizers. So
/// this program is run anew, for this test case alone, which may call it once.
void in_mount_namespace_of_new_program(const std::function<void()>& body);

/// mount(2) and umount2(2) that throw. \param kilobytes the size of the file system
void mount_tmpfs(const std::string& path, unsigned kilobytes);
void bind_mount(const std::string& from, const std::string& to);
/// Waits while a thread looks at it.
void unmount(const std::string& path);
/// Programs on the mount at `path` get no rights of their files from now on.
void remount_nosuid(const std::string& path);

}  // namespace virtsession::test
