// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"

#include <algorithm>
#include <sstream>

namespace virtsession {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

// A value may be quoted, and a comment may follow it.
std::string value_of(std::string_view text) {
  const std::string value = trimmed(text);
  if (value.empty()) return {};
  const char quote = value.front();
  if (quote == '"' || quote == '\'') return value.substr(1, value.find(quote, 1) - 1);
  return trimmed(value.substr(0, value.find('#')));
}

}  // namespace

std::map<std::string, std::string> parse_libvirt_conf(std::string_view text) {
  std::map<std::string, std::string> settings;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    const std::string key = trimmed(line.substr(0, equals));
    if (equals == std::string::npos || key.empty() || key.starts_with('#')) continue;
    const std::string value = value_of(line.substr(equals + 1));
    if (!value.starts_with('[')) settings[key] = value;
  }
  return settings;
}

BridgeConf parse_bridge_conf(std::string_view text) {
  BridgeConf conf;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string verb, argument;
    words >> verb >> argument;
    if (argument.empty()) continue;
    if (verb == "allow" || verb == "deny") conf.rules.push_back({verb == "allow", argument});
    if (verb == "include") conf.includes.push_back(argument);
  }
  return conf;
}

Distribution parse_distribution(std::string_view os_release) {
  const auto settings = parse_libvirt_conf(os_release);
  std::string ids;
  for (const char* key : {"ID", "ID_LIKE"})
    if (const auto found = settings.find(key); found != settings.end()) ids += " " + found->second;
  std::istringstream words(ids);
  for (std::string id; words >> id;) {
    if (id == "debian" || id == "ubuntu") return Distribution::debian;
    if (id == "fedora" || id == "rhel") return Distribution::fedora;
    if (id == "arch") return Distribution::arch;
  }
  return Distribution::other;
}

bool in_ping_range(std::string_view text, const std::vector<gid_t>& groups) {
  std::istringstream words{std::string(text)};
  std::uint64_t low = 1;
  std::uint64_t high = 0;
  if (!(words >> low >> high)) return false;
  return std::ranges::any_of(groups, [&](gid_t group) { return group >= low && group <= high; });
}

}  // namespace virtsession
