// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/config.hpp"
#include "doctor/domain_details.hpp"
#include "doctor/gatherers.hpp"
#include "libvirt/error.hpp"
#include "libvirt/event_thread.hpp"
#include "libvirt/raii.hpp"
#include "libvirt/snapshot.hpp"
#include "util/files.hpp"

#include <libvirt/virterror.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxDefinition = 16 * 1024 * 1024;

/// What libvirt's flags add to the XML; a domain that vanished meanwhile is nothing.
std::optional<DomainFacts> read_domain(virDomainPtr domain) {
  auto snapshot = read_snapshot(domain);
  if (!snapshot || !*snapshot) return std::nullopt;
  // The definition is what the next start uses; what runs now has started already.
  const unsigned flags = (*snapshot)->persistent ? VIR_DOMAIN_XML_INACTIVE : 0;
  const CString xml(virDomainGetXMLDesc(domain, flags));
  if (!xml) return std::nullopt;
  auto parsed = parse_domain_details(xml.get());
  if (!parsed) return std::nullopt;
  DomainFacts facts = std::move(parsed).value();
  facts.active = (*snapshot)->active();
  facts.persistent = (*snapshot)->persistent;
  facts.autostart = (*snapshot)->autostart;
  facts.managed_save = (*snapshot)->managed_save;
  facts.policy_text = (*snapshot)->policy_text;
  facts.policy_error = (*snapshot)->policy_error;
  return facts;
}

std::vector<std::string> xml_files(const fs::path& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".xml") paths.push_back(entry->path());
  std::ranges::sort(paths);
  return paths;
}

/// Calls `use` with the path and the domain of every .xml in the folder that is one.
void each_definition(const fs::path& folder, const std::function<void(const fs::path&, DomainFacts)>& use) {
  for (const auto& path : xml_files(folder)) {
    const auto text = read_file(path, kMaxDefinition);
    if (!text || !*text) continue;
    if (auto domain = parse_domain_details(**text)) use(path, std::move(domain).value());
  }
}

bool entry_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// What libvirt says to the XML, without a definition: it makes a command line of it and throws that away.
std::string words_about(virConnectPtr connection, const std::string& path) {
  const auto text = read_file(path, kMaxDefinition);
  if (!text) return text.error().message;
  if (!*text) return {};
  const CString ignored(virConnectDomainXMLToNative(connection, "qemu-argv", (*text)->c_str(), 0));
  return ignored ? std::string() : take_last_error().message;
}

std::vector<UnlistedDefinition> find_unlisted(const std::string& uri, const std::vector<std::string>& definitions,
                                              const std::vector<DomainFacts>& domains) {
  std::vector<UnlistedDefinition> unlisted;
  for (const auto& path : definitions) {
    const std::string name = fs::path(path).stem();
    if (std::ranges::find(domains, name, &DomainFacts::name) == domains.end() && entry_exists(path))
      unlisted.push_back({name, path, {}});
  }
  if (unlisted.empty()) return unlisted;
  // A connection that may only read is not given an answer.
  const ConnectPtr connection(virConnectOpen(uri.c_str()));
  for (auto& definition : unlisted)
    if (connection) definition.error = words_about(connection.get(), definition.path);
  return unlisted;
}

}  // namespace

DomainsAnswer ask_libvirt(const std::string& uri, const std::vector<std::string>& definitions) {
  DomainsAnswer answer;
  const auto events = EventThread::share();  // before anything else of libvirt's, and until it is closed
  const ConnectPtr connection(virConnectOpenReadOnly(uri.c_str()));
  if (!connection) {
    answer.error = take_last_error().message;
    return answer;
  }
  virConnectGetLibVersion(connection.get(), &answer.version);
  virDomainPtr* listed = nullptr;
  const int count = virConnectListAllDomains(connection.get(), &listed, 0);
  if (count < 0) {
    answer.error = take_last_error().message;
    return answer;
  }
  std::vector<DomainPtr> domains(listed, listed + count);
  std::free(listed);
  for (const auto& domain : domains)
    if (auto facts = read_domain(domain.get())) answer.domains.push_back(*std::move(facts));
  answer.unlisted = find_unlisted(uri, definitions, answer.domains);
  virResetLastError();
  answer.answered = true;
  return answer;
}

unsigned long library_version() {
  unsigned long version = 0;
  return virGetVersion(&version, nullptr, nullptr) == 0 ? version : 0;
}

std::vector<DomainFacts> read_domain_files(const GatherOptions& options) {
  const fs::path folder = options.config_home + "/libvirt/qemu";
  const fs::path running = options.runtime_dir + "/libvirt/qemu/run";
  std::vector<DomainFacts> domains;
  each_definition(folder, [&](const fs::path& path, DomainFacts domain) {
    domain.autostart = entry_exists(folder / "autostart" / path.filename());
    domain.managed_save = entry_exists(folder / "save" / (domain.name + ".save"));
    domains.push_back(std::move(domain));
  });
  if (options.runtime_dir.empty()) return domains;
  each_definition(running, [&](const fs::path&, DomainFacts domain) {
    const auto defined = std::ranges::find(domains, domain.uuid, &DomainFacts::uuid);
    domain.active = true;
    domain.persistent = false;
    if (defined == domains.end())
      domains.push_back(std::move(domain));
    else
      defined->active = true;
  });
  return domains;
}

std::vector<std::string> find_definitions(const GatherOptions& options) {
  return xml_files(options.config_home + "/libvirt/qemu");
}

std::vector<SaveFacts> gather_saves(const GatherOptions& options) {
  std::vector<SaveFacts> saves;
  std::error_code error;
  const fs::path folder = options.config_home + "/libvirt/qemu/save";
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    struct stat status {};
    if (entry->path().extension() != ".save" || stat(entry->path().c_str(), &status) < 0) continue;
    saves.push_back({entry->path().stem(), entry->path(), status.st_mtime, static_cast<std::uint64_t>(status.st_size)});
  }
  std::ranges::sort(saves, {}, &SaveFacts::name);
  return saves;
}

Policy read_policy_defaults(const GatherOptions& options) {
  Policy policy;
  for (const auto& path :
       {options.config_home + "/virtsession/config.json", options.etc + "/virtsession/config.json"}) {
    const auto text = read_file(path);
    if (text && !*text) continue;
    if (!text) break;
    const auto read = read_config(**text);
    if (read.problems.empty()) apply_policy(policy, read.config.defaults);
    break;
  }
  return policy;
}

}  // namespace virtsession
