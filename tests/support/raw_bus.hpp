// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_c_ptr.hpp"

#include <systemd/sd-bus.h>

#include <string>

namespace virtsession::test {

using RawBus = UniqueCPtr<sd_bus, sd_bus_flush_close_unref>;

/// A connection without sdbus-c++. Fails the test when there is none.
RawBus connect_raw(const std::string& address);

}  // namespace virtsession::test
