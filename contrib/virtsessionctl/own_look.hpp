// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/gather.hpp"

namespace virtsession::ctl {

/// What the doctor needs to look by this process, and not by virtsessiond. From now on nothing here may start a libvirt
/// daemon. Before there are threads.
GatherOptions own_look();

}  // namespace virtsession::ctl
