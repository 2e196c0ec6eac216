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

/// Calls `use` with the path and the domain of every .xml in the folder that is one.
void each_definition(const fs::path& folder, const std::function<void(const fs::path&, DomainFacts)>& use) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".xml") paths.push_back(entry->path());
  std::ranges::sort(paths);
  for (const auto& path : paths) {
    const auto text = read_file(path, kMaxDefinition);
    if (!text || !*text) continue;
    if (auto domain = parse_domain_details(**text)) use(path, std::move(domain).value());
  }
}

bool entry_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

DomainsAnswer ask_libvirt(const std::string& uri) {
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
