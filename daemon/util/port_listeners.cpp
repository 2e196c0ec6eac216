// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/port_listeners.hpp"

#include "core/list_text.hpp"
#include "util/files.hpp"
#include "util/proc.hpp"
#include "util/session_user.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <string_view>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

template <class Number>
Number number_of(const std::string& text, int base) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

/// Groups of 32 bits, each as this machine stores it.
std::string address_text(const std::string& hex) {
  constexpr std::size_t kDigits = 8;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i < words.size() && (i + 1) * kDigits <= hex.size(); ++i)
    words[i] = number_of<std::uint32_t>(hex.substr(i * kDigits, kDigits), 16);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = hex.size() == kDigits ? AF_INET : AF_INET6;
  return inet_ntop(family, words.data(), text.data(), text.size()) ? text.data() : "";
}

/// "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode"
void read_table(const char* path, PortProtocol protocol, std::vector<PortListener>& found) {
  constexpr const char* kListens = "0A";
  const auto text = read_file(path);
  if (!text || !*text) return;
  std::istringstream lines(**text);
  std::string line;
  std::getline(lines, line);  // the titles
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word, local, remote, state, uid, inode;
    words >> word >> local >> remote >> state >> word >> word >> word >> uid >> word >> inode;
    const auto colon = local.find(':');
    // A UDP socket that is connected takes nothing from anybody else.
    const bool is_connected = protocol == PortProtocol::udp && !remote.ends_with(":0000");
    if (colon == std::string::npos || (protocol == PortProtocol::tcp && state != kListens) || is_connected) continue;
    found.push_back(
        {{address_text(local.substr(0, colon)), number_of<std::uint16_t>(local.substr(colon + 1), 16), protocol},
         number_of<uid_t>(uid, 10),
         number_of<std::uint64_t>(inode, 10)});
  }
}

/// \return the inode of the socket that a link in /proc/PID/fd stands for; 0 when it is none
std::uint64_t socket_inode(const std::string& target) {
  constexpr std::string_view kSocket = "socket:[";
  return target.starts_with(kSocket) ? number_of<std::uint64_t>(target.substr(kSocket.size()), 10) : 0;
}

std::string program_of(pid_t pid) {
  const auto command = read_proc(pid, "cmdline");
  constexpr std::string_view kGuest("-name\0guest=", 12);  // as libvirt calls QEMU
  if (const auto at = command.find(kGuest); at != std::string::npos) {
    const auto begin = at + kGuest.size();
    return "VM " + in_quotes(command.substr(begin, command.find_first_of(std::string_view(",\0", 2), begin) - begin));
  }
  auto program = read_proc(pid, "comm");
  while (program.ends_with('\n')) program.pop_back();
  return program;
}

void look_into(pid_t pid, std::vector<PortListener>& listeners) {
  std::error_code error;
  for (fs::directory_iterator entry(proc_folder(pid) / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const auto inode = socket_inode(fs::read_symlink(entry->path(), ignored));
    if (inode == 0) continue;
    for (auto& listener : listeners)
      if (listener.inode == inode && !listener.holder) listener.holder = PortHolder{pid, program_of(pid)};
  }
}

}  // namespace

std::vector<PortListener> port_listeners() {
  std::vector<PortListener> found;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) read_table(path, PortProtocol::tcp, found);
  for (const char* path : {"/proc/net/udp", "/proc/net/udp6"}) read_table(path, PortProtocol::udp, found);
  return found;
}

void find_holders(std::vector<PortListener>& listeners) {
  if (listeners.empty()) return;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error))
    if (const auto pid = number_of<pid_t>(entry->path().filename(), 10); pid > 0) look_into(pid, listeners);
}

std::string holder_text(const PortListener& listener) {
  if (!listener.holder) return "a process of " + user_name(listener.uid);
  return listener.holder->name + " (pid " + std::to_string(listener.holder->pid) + ")";
}

std::string who_listens_at(const HostPort& host) {
  auto listeners = port_listeners();
  std::erase_if(listeners, [&](const PortListener& listener) { return !overlap(host, listener.host); });
  find_holders(listeners);
  return listeners.empty() ? std::string() : holder_text(listeners.front());
}

}  // namespace virtsession
