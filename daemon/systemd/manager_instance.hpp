// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace virtsession {

/// Which instance of the user manager serves this login: its process and when that was started, "812-40713". It stays
/// the same over `systemctl --user daemon-reexec`, and is another one when the manager was killed and started again,
/// with which everything that it ran has ended. Found by the manager's own socket, so that the bus need not be there.
/// \return empty when there is none, or it cannot be known. Does not wait. Any thread.
/// \throws what runtime_dir() throws
std::string user_manager_instance();

}  // namespace virtsession
