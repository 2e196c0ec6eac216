// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>

namespace virtsession::test {

/// Runs a function in a process of its own, which is killed (SIGKILL) when it is about to make its nth change of a file
/// or folder, the first being 1. \return false when the function ended before \throws std::runtime_error when no
/// process can be made or traced
bool kill_at_change(int nth, const std::function<void()>& work);

/// Runs a function in a process of its own where renameat2(2) is unknown to the file system. \return what it returned
bool without_renameat2(const std::function<bool()>& work);

}  // namespace virtsession::test
