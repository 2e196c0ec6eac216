// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/support/host.hpp"

#include <string>

namespace virtsession::test {

/// UPower on a host's system bus: a mock, which is told what the host runs on.
class MockedUPower {
 public:
  MockedUPower(const Host& host, bool on_battery);

  void plug(bool in) const;
  /// WarningLevel of all batteries taken together: "low" as UPower's UP_DEVICE_LEVEL_LOW, or none.
  void set_low(bool low) const;

 private:
  const Host& host_;
};

}  // namespace virtsession::test
