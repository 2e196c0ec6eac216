// SPDX-License-Identifier: LGPL-2.1-or-later
#include "forward_text.hpp"

#include "text.hpp"

#include <fmt/format.h>

namespace virtsession::ctl {

std::string forward_host_text(const Properties& forward) {
  const auto address = printable(forward.text("host_address"));
  const auto port = forward.number("host_port");
  return fmt::format("{}:{}", address.find(':') == std::string::npos ? address : "[" + address + "]",
                     port == 0 ? "auto" : std::to_string(port));
}

std::string forward_text(const Properties& forward) {
  return fmt::format("{} -> port {} of the guest{}", forward_host_text(forward), forward.number("guest_port"),
                     forward.text("protocol") == "udp" ? " (UDP)" : "");
}

}  // namespace virtsession::ctl
