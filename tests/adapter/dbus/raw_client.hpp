// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/raw_bus.hpp"

#include <systemd/sd-bus.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace virtsession::test {

/// A client without sdbus-c++, which sees every message that reaches it: also an answer too many, and it may leave at
/// any moment.
class RawClient {
 public:
  explicit RawClient(const std::string& address);

  /// Calls a VM's method that takes options only. \return the call's serial number
  std::uint64_t call(const std::string& path, const char* method, bool expect_reply = true);
  /// \return how many answers to that call came; all that the service has sent by now are counted
  std::size_t answers_to(std::uint64_t call);
  /// The name of the error that the last answer to that call had; empty for a success.
  std::string error_of(std::uint64_t call) const;
  std::string unique_name() const;

 private:
  struct Answer {
    std::uint64_t call;
    std::string error;
  };
  static int on_message(sd_bus_message* message, void* self, sd_bus_error*);

  RawBus bus_;
  std::vector<Answer> answers_;
};

}  // namespace virtsession::test
