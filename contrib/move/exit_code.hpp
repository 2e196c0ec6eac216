// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtsession::move {

/// What scripts may rely on.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,         ///< it was begun and failed; it was taken back, or the message says what to do
  kUsage = 2,          ///< the command line makes no sense
  kBlocked = 3,        ///< something stands in the way; nothing was changed
  kNoSuchVm = 4,       ///< there is no such VM, or no move of it was cut off
  kInterrupted = 130,  ///< by Ctrl-C, as shells have it; --resume goes on, --undo takes it back
};

}  // namespace virtsession::move
