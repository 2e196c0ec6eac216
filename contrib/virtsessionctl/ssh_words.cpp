// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ssh_words.hpp"

#include "util/shell_word.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace virtsession::ctl {
namespace {

/// Options of ssh(1) that have an argument, of all its versions.
constexpr std::string_view kWithArgument = "BbcDEeFIiJLlmOoPpQRSWw";

/// ssh_config(5) replaces %h and the like.
std::string without_tokens(const std::string& text) {
  std::string result;
  for (const char character : text) result += character == '%' ? "%%" : std::string(1, character);
  return result;
}

std::string quoted_path(const std::string& path) {
  std::string result = "\"";
  for (const char character : without_tokens(path)) {
    if (character == '"' || character == '\\') result += '\\';
    result += character;
  }
  return result + "\"";
}

std::string proxy_command(const std::vector<std::string>& words) {
  std::string command;
  for (const auto& word : words) command += (command.empty() ? "" : " ") + shell_word(word);
  return without_tokens(command);
}

std::vector<std::pair<std::string, std::string>> host_key_settings(const SshHost& host) {
  return {{"HostKeyAlias", "virtsession-" + host.uuid},
          {"UserKnownHostsFile", quoted_path(host.known_hosts)},
          {"StrictHostKeyChecking", "accept-new"}};
}

/// Where the options end in what a person wrote for ssh: the command for the guest begins there.
std::size_t end_of_options(const std::vector<std::string>& words) {
  std::size_t at = 0;
  while (at < words.size() && words[at].size() > 1 && words[at].starts_with('-') && words[at] != "--") {
    const auto letter = words[at].find_first_of(kWithArgument, 1);
    // Its argument is the rest of the word, or the next one.
    at += letter + 1 == words[at].size() ? 2 : 1;
  }
  return std::min(at, words.size());
}

}  // namespace

std::string ssh_name(const VmInfo& vm) {
  const auto name = vm.name();
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return !name.empty() && !name.starts_with('-') && std::ranges::all_of(name, is_plain) ? name : vm.uuid();
}

std::vector<std::string> ssh_command(const SshHost& host, const SshEndpoint& endpoint,
                                     const std::vector<std::string>& proxy, const std::vector<std::string>& given) {
  const auto end = given.begin() + static_cast<std::ptrdiff_t>(end_of_options(given));
  // ssh keeps the first value that it is given: a person's options are before ours, and the configuration after.
  std::vector<std::string> words{"ssh"};
  words.insert(words.end(), given.begin(), end);
  const auto set = [&](const std::string& key, const std::string& value) {
    words.insert(words.end(), {"-o", key + "=" + value});
  };
  if (endpoint.kind == SshEndpoint::Kind::vsock) {
    set("ProxyCommand", proxy_command(proxy));
  } else {
    set("HostName", endpoint.address);
    words.insert(words.end(), {"-p", std::to_string(endpoint.port)});
    set("ProxyCommand", "none");  // also of a Host * that leads other hosts over a jump host
  }
  for (const auto& [key, value] : host_key_settings(host)) set(key, value);
  words.insert(words.end(), {"--", (host.user.empty() ? "" : host.user + "@") + host.name});
  words.insert(words.end(), end != given.end() && *end == "--" ? end + 1 : end, given.end());
  return words;
}

std::string ssh_config_block(const SshHost& host, const std::vector<std::string>& proxy) {
  std::string text = "Host " + host.name + "\n  ProxyCommand " + proxy_command(proxy) + "\n";
  if (!host.user.empty()) text += "  User " + host.user + "\n";
  for (const auto& [key, value] : host_key_settings(host)) text += "  " + key + " " + value + "\n";
  return text;
}

}  // namespace virtsession::ctl
