// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/reached.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace virtsession::test {

std::map<std::string, std::string> forwards_of(Desktop& desktop, const std::string& name) {
  std::map<std::string, std::string> result;
  for (const auto& row : desktop.vm(name).at("Forwards").get<std::vector<VariantMap>>()) {
    const auto reason = row.at("reason").get<std::string>();
    result[row.at("spec").get<std::string>()] = row.at("state").get<std::string>() + " " +
                                                std::to_string(row.at("host_port").get<std::uint16_t>()) +
                                                (reason.empty() ? "" : ": " + reason);
  }
  return result;
}

void wait_for_forward(Desktop& desktop, const std::string& name, const std::string& spec, const std::string& begin,
                      std::chrono::milliseconds timeout) {
  std::string last;
  INFO("it was: " << last);
  wait_until(
      [&] {
        last = forwards_of(desktop, name)[spec];
        return last.starts_with(begin);
      },
      timeout, name + ": the forward " + spec + " is " + begin);
}

std::string answer_by_tcp(Desktop& desktop, int port, const std::string& address) {
  const auto script = "read -r -t 2 line </dev/tcp/" + address + "/" + std::to_string(port) + " && echo \"$line\"";
  return desktop.host().user(kUser, {"bash", "-c", script}).out;
}

std::string answer_by_udp(Desktop& desktop, int port) {
  const auto script = "exec 3<>/dev/udp/127.0.0.1/" + std::to_string(port) + "; echo >&3; timeout 2 head -c 7 <&3";
  return desktop.host().user(kUser, {"bash", "-c", script}).out;
}

void bring_ssh_key(Desktop& desktop) {
  desktop.host().must_exec({"install", "-D", "-m", "600", "-o", kUser, std::string(Host::kGuests) + "/ssh-key",
                            "/home/alice/.ssh/id_ed25519"});
  desktop.host().must_exec({"chown", kUser, "/home/alice/.ssh"});
}

bool has_passt(Desktop& desktop) {
  return desktop.virsh({"domcapabilities"}).find("<value>passt</value>") != std::string::npos;
}

}  // namespace virtsession::test
