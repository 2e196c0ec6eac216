// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <chrono>
#include <map>
#include <string>

// Ports of the host that lead to guests of a Desktop.

namespace virtsession::test {

/// "active 2222", or "failed 2222: why", by the policy's entries; those that others made are by "".
std::map<std::string, std::string> forwards_of(Desktop& desktop, const std::string& name);
void wait_for_forward(Desktop& desktop, const std::string& name, const std::string& spec, const std::string& begin,
                      std::chrono::milliseconds timeout = kSoon);

/// What answers on a port of the host; empty when nothing does. QEMU accepts by itself: only an answer is the guest's.
std::string answer_by_tcp(Desktop& desktop, int port, const std::string& address = "127.0.0.1");
std::string answer_by_udp(Desktop& desktop, int port);

/// Gives the user the key that root's guests with an sshd know.
void bring_ssh_key(Desktop& desktop);

/// Whether libvirt has passt for user networking. Debian 12 has it switched off.
bool has_passt(Desktop& desktop);

}  // namespace virtsession::test
