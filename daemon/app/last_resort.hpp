// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtsession {

/// The whole of `virtsessiond --last-resort`: when the user manager is stopping and VMs still run, because virtsessiond
/// could not, their guests are asked to shut down by the policies' order and actions. It shares with virtsessiond what
/// is pure, and neither its loop nor D-Bus nor its files, so that what ends that one does not end this. Ends within a
/// hundred seconds, whatever hangs: what then runs gets SIGTERM with its scope. \return an exit code
int stop_as_last_resort();

}  // namespace virtsession
