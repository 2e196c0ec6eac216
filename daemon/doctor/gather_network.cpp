// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/conf_file.hpp"
#include "doctor/gatherers.hpp"
#include "doctor/run_program.hpp"
#include "util/files.hpp"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxIncludes = 16;

/// Whether the file gives its process CAP_NET_ADMIN at once; see capabilities(7), "File capabilities".
bool has_net_admin(const std::string& path) {
  vfs_cap_data data{};
  const auto size = getxattr(path.c_str(), "security.capability", &data, sizeof data);
  if (size < static_cast<ssize_t>(sizeof data.magic_etc + sizeof data.data[0])) return false;
  const bool effective = (le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) != 0;
  return effective && (le32toh(data.data[0].permitted) & (1U << CAP_NET_ADMIN)) != 0;
}

/// The helper that the session's libvirt uses: its configuration's, or the first where it looks.
std::string find_helper(const GatherOptions& options) {
  const auto text = read_file(options.config_home + "/libvirt/qemu.conf");
  if (text && *text) {
    const auto settings = parse_libvirt_conf(**text);
    if (const auto found = settings.find("bridge_helper"); found != settings.end()) return found->second;
  }
  return find_program("qemu-bridge-helper", options.program_folders);
}

void read_helper(const GatherOptions& options, NetworkFacts& facts) {
  facts.helper = find_helper(options);
  struct stat status {};
  if (facts.helper.empty() || stat(facts.helper.c_str(), &status) < 0) {
    facts.helper.clear();
    return;
  }
  facts.helper_setuid_root = (status.st_mode & S_ISUID) != 0 && status.st_uid == 0;
  facts.helper_has_net_admin = has_net_admin(facts.helper);
  struct statvfs filesystem {};
  if (statvfs(facts.helper.c_str(), &filesystem) == 0) facts.helper_nosuid = (filesystem.f_flag & ST_NOSUID) != 0;
}

NetworkFacts::Acl read_rules(const std::string& path, std::vector<BridgeRule>& rules, int& files) {
  const auto text = read_file(path);
  if (!text) return NetworkFacts::Acl::unreadable;
  if (!*text) return NetworkFacts::Acl::missing;
  const auto conf = parse_bridge_conf(**text);
  rules.insert(rules.end(), conf.rules.begin(), conf.rules.end());
  for (const auto& include : conf.includes) {
    if (++files > kMaxIncludes) break;
    // The helper gives up on an included file that it cannot read, as on the first.
    const auto included = read_rules(include, rules, files);
    if (included != NetworkFacts::Acl::read) return included;
  }
  return NetworkFacts::Acl::read;
}

std::set<std::string> existing_bridges(const GatherOptions& options) {
  std::set<std::string> bridges;
  std::error_code error;
  for (fs::directory_iterator entry(options.sys + "/class/net", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (fs::exists(entry->path() / "bridge", ignored)) bridges.insert(entry->path().filename());
  }
  return bridges;
}

/// What QEMU itself says of `-netdev`: a backend a line, after a line of text.
std::optional<std::string> ask_qemu(const std::string& qemu, std::chrono::milliseconds limit) {
  // It makes its buffer for emulation before it looks at what is asked. In virtsessiond's sandbox
  // (MemoryDenyWriteExecute=) that works with two mappings only; a QEMU without emulation does not know the option.
  if (auto text = run_program({qemu, "-accel", "tcg,split-wx=on", "-netdev", "help"}, limit)) return text;
  return run_program({qemu, "-netdev", "help"}, limit);
}

void read_netdevs(const std::string& qemu, const GatherOptions& options, NetworkFacts& facts) {
  if (qemu.empty()) return;
  const auto text = ask_qemu(qemu, options.limit * 3 / 8);
  if (!text) return;
  std::set<std::string> names;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) names.insert(line);
  if (!names.contains("tap") && !names.contains("socket")) return;  // not the list that it should be
  facts.qemu_user = names.contains("user");
  facts.qemu_stream = names.contains("stream");
}

bool file_mentions(const std::string& path, const std::string& word) {
  const auto text = read_file(path);
  return text && *text && (*text)->find(word) != std::string::npos;
}

/// passt's own profile lets it write below HOME and /tmp only, until it knows of libvirt; or libvirt's profile has one
/// for it.
void read_passt_profile(const GatherOptions& options, NetworkFacts& facts) {
  const std::string folder = options.etc + "/apparmor.d/";
  std::error_code ignored;
  const bool is_on = file_mentions(options.sys + "/module/apparmor/parameters/enabled", "Y");
  facts.passt_profile =
      is_on && fs::exists(folder + "usr.bin.passt", ignored) && !fs::exists(folder + "disable/usr.bin.passt", ignored);
  for (const char* name : {"usr.bin.passt", "abstractions/passt", "local/usr.bin.passt"})
    if (file_mentions(folder + name, "libvirt")) facts.passt_profile_fits = true;
  for (const char* name : {"usr.sbin.libvirtd", "usr.sbin.virtqemud"}) {
    if (!file_mentions(folder + name, "profile passt")) continue;
    facts.passt_profile_fits = true;
    facts.passt_rules_missing = is_on && file_mentions(folder + name, "<abstractions/passt>") &&
                                !fs::exists(folder + "abstractions/passt", ignored);
  }
}

std::vector<gid_t> groups_of_process() {
  std::vector<gid_t> groups{getegid()};
  const int count = getgroups(0, nullptr);
  if (count <= 0) return groups;
  std::vector<gid_t> others(static_cast<std::size_t>(count));
  if (const int got = getgroups(count, others.data()); got > 0)
    groups.insert(groups.end(), others.begin(), others.begin() + got);
  return groups;
}

}  // namespace

NetworkFacts gather_network(const GatherOptions& options, const std::string& qemu) {
  NetworkFacts facts;
  read_helper(options, facts);
  facts.tun_error = access(options.tun_device.c_str(), R_OK | W_OK) == 0 ? 0 : errno;
  int files = 0;
  facts.acl = read_rules(options.etc + "/qemu/bridge.conf", facts.rules, files);
  facts.bridges = existing_bridges(options);
  facts.passt = find_program("passt", options.program_folders);
  read_netdevs(qemu, options, facts);
  read_passt_profile(options, facts);
  if (const auto text = read_file(options.ping_range); text && *text)
    facts.may_ping = in_ping_range(**text, groups_of_process());
  return facts;
}

}  // namespace virtsession
