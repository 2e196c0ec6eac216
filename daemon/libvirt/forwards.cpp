// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/forwards.hpp"

#include "libvirt/error.hpp"
#include "libvirt/forward_xml.hpp"
#include "libvirt/raii.hpp"
#include "util/host_ports.hpp"

#include <libvirt/libvirt-qemu.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

namespace virtsession {
namespace {

// What libvirt puts before an alias when it names the side of a NIC that is QEMU's.
constexpr std::string_view kNetdev = "host";

Result<std::string> monitor(virDomainPtr domain, const std::string& command) {
  char* answer = nullptr;
  if (virDomainQemuMonitorCommand(domain, command.c_str(), &answer, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
    return last_error(domain);
  const CString owner(answer);
  std::string text = answer ? answer : "";
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// "hostnet0 tcp:127.0.0.1:2222"
std::string rule(const Forward& forward) {
  return std::string(kNetdev) + forward.nic + " " + std::string(to_text(forward.host.protocol)) + ":" +
         forward.host.address + ":" + std::to_string(forward.host.port);
}

ForwardFailure failure(const Forward& forward, const std::string& words) {
  if (auto trouble = trouble_with(forward.host)) return {forward, std::move(trouble->text), trouble->may_pass};
  return {forward, "QEMU: " + words};
}

Result<void> remove(virDomainPtr domain, const Forward& forward, ForwardReport& report) {
  const auto answer = monitor(domain, "hostfwd_remove " + rule(forward));
  if (!answer) return answer.error();
  // One that is gone already is as it was wanted.
  if (!answer->ends_with("removed") && !answer->ends_with("not found"))
    report.failed.push_back({forward, "QEMU: " + *answer});
  return {};
}

Result<void> add(virDomainPtr domain, const Forward& forward, ForwardReport& report) {
  const auto answer = monitor(domain, "hostfwd_add " + rule(forward) + "-:" + std::to_string(forward.guest_port));
  if (!answer) return answer.error();
  if (!answer->empty()) report.failed.push_back(failure(forward, *answer));
  return {};
}

std::optional<PortProtocol> forward_protocol(const std::string& word) {
  if (word == "TCP[HOST_FORWARD]") return PortProtocol::tcp;
  if (word == "UDP[HOST_FORWARD]") return PortProtocol::udp;
  return std::nullopt;
}

Result<void> define(virDomainPtr domain, const std::string& xml) {
  const DomainPtr defined(virDomainDefineXML(virDomainGetConnect(domain), xml.c_str()));
  if (!defined) return last_error(domain);
  return {};
}

/// What the VM was saved with is its definition at the next start. Nothing to do when it is not saved.
Result<void> define_in_save(virDomainPtr domain, const std::vector<Forward>& wanted) {
  if (virDomainHasManagedSaveImage(domain, 0) != 1) return {};
  const CString before(virDomainManagedSaveGetXMLDesc(domain, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE));
  if (!before) return last_error(domain);
  const auto own = own_forwards_in(before.get());
  if (!own) return own.error();
  if (*own == wanted) return {};
  const auto xml = with_own_forwards(before.get(), wanted);
  if (!xml) return xml.error();
  if (virDomainManagedSaveDefineXML(domain, xml->c_str(), 0) < 0) return last_error(domain);
  return {};
}

/// Takes those out that are taken. \return them
std::vector<ForwardFailure> remove_taken(std::vector<Forward>& forwards) {
  std::vector<ForwardFailure> taken;
  std::erase_if(forwards, [&](const Forward& forward) {
    auto trouble = trouble_with(forward.host);
    if (trouble) taken.push_back({forward, std::move(trouble->text), trouble->may_pass});
    return trouble.has_value();
  });
  return taken;
}

}  // namespace

// "Hub -1 (hostnet0):", "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ",
// "  TCP[HOST_FORWARD]  12       127.0.0.1  2222       10.0.2.15    22     0     0"
std::vector<Forward> parse_usernet(std::string_view text) {
  std::vector<Forward> forwards;
  std::string nic;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto open = line.find('('), close = line.rfind("):");
    if (!line.starts_with(' ') && open != std::string::npos && close != std::string::npos && open < close) {
      const auto netdev = line.substr(open + 1, close - open - 1);
      nic = netdev.starts_with(kNetdev) ? netdev.substr(kNetdev.size()) : "";
      continue;
    }
    std::istringstream words(line);
    std::string kind, descriptor, guest_address;
    Forward forward{.nic = nic, .host = {}, .guest_port = 0};
    if (!(words >> kind >> descriptor >> forward.host.address >> forward.host.port >> guest_address >>
          forward.guest_port))
      continue;
    const auto protocol = forward_protocol(kind);
    if (!protocol || nic.empty()) continue;
    forward.host.protocol = *protocol;
    if (forward.host.address == "*") forward.host.address = "0.0.0.0";
    forwards.push_back(std::move(forward));
  }
  return forwards;
}

Result<ForwardReport> sync_forwards(virDomainPtr domain, const call::SyncForwards& call) {
  ForwardReport report;
  for (const auto& forward : call.remove)
    if (const auto removed = remove(domain, forward, report); !removed) return removed.error();
  for (const auto& forward : call.add)
    if (const auto added = add(domain, forward, report); !added) return added.error();
  const auto there = monitor(domain, "info usernet");
  if (!there) return there.error();
  report.there = parse_usernet(*there);
  return report;
}

Result<void> define_forwards(virDomainPtr domain, const call::DefineForwards& call) {
  // The save first: after the change of the definition, which libvirt tells of, both are read.
  if (const auto saved = define_in_save(domain, call.wanted); !saved) return saved.error();
  const CString before(virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
  if (!before) return last_error(domain);
  const auto xml = with_own_forwards(before.get(), call.wanted);
  if (!xml) return xml.error();
  return define(domain, *xml);
}

std::optional<ForwardReport> prepare_forwards(virDomainPtr domain) {
  const CString xml(virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
  const auto own = own_forwards_in(xml ? xml.get() : "");
  ForwardReport report;
  if (own) {
    auto free = *own;
    report.failed = remove_taken(free);
    if (!report.failed.empty())
      if (const auto changed = with_own_forwards(xml.get(), free)) static_cast<void>(define(domain, *changed));
    static_cast<void>(define_in_save(domain, free));
  }
  virResetLastError();  // the start tells what is wrong
  if (report.failed.empty()) return std::nullopt;
  return report;
}

}  // namespace virtsession
