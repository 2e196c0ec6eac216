// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/forward_xml.hpp"

#include "libvirt/xml.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

namespace virtsession {
namespace {

constexpr std::size_t kMaxDefinition = 16 * 1024 * 1024;
constexpr int kMostPorts = 64;
constexpr const char* kForwardsPrefix = "virtsession";
constexpr const char* kForwardsElement = "forwards";

const xmlChar* xml_text(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
const xmlChar* xml_text(const std::string& text) { return xml_text(text.c_str()); }

std::uint16_t port_in(const xmlNode* range, const char* name, std::uint16_t otherwise) {
  const auto text = attribute(range, name);
  std::uint16_t port = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), port);
  return port;
}

std::string mac_of(const xmlNode* interface) {
  const xmlNode* mac = child(interface, "mac");
  return mac ? attribute(mac, "address").value_or("") : std::string();
}

/// Those of one <portForward>.
std::vector<Forward> forwards_of_element(const xmlNode* element, const std::string& mac) {
  std::vector<Forward> forwards;
  const auto protocol = from_text<PortProtocol>(attribute(element, "proto").value_or(""));
  // Without an address, passt listens on all of them.
  const HostPort host{attribute(element, "address").value_or("::"), 0, protocol.value_or(PortProtocol::tcp)};
  for (const xmlNode* range = element->children; protocol && range; range = range->next) {
    if (!is_element(range, "range")) continue;
    if (attribute(range, "exclude") == "yes") return {};
    const int start = port_in(range, "start", 0);
    const int end = port_in(range, "end", static_cast<std::uint16_t>(start));
    const int to = port_in(range, "to", static_cast<std::uint16_t>(start));
    if (start == 0 || end < start || end - start >= kMostPorts || to + (end - start) > UINT16_MAX) continue;
    for (int i = 0; i <= end - start; ++i) {
      Forward forward{mac, host, static_cast<std::uint16_t>(to + i)};
      forward.host.port = static_cast<std::uint16_t>(start + i);
      forwards.push_back(std::move(forward));
    }
  }
  return forwards;
}

bool is_our_element(const xmlNode* node) {
  return node->type == XML_ELEMENT_NODE && node->ns && xmlStrEqual(node->ns->href, xml_text(kForwardsNamespace)) == 1;
}

xmlNode* our_element(xmlNode* metadata) {
  for (xmlNode* node = metadata ? metadata->children : nullptr; node; node = node->next)
    if (is_our_element(node)) return node;
  return nullptr;
}

// libvirt's documents are ours to change, but the helpers for reading do not say so.
xmlNode* mutable_child(xmlNode* parent, const char* name) { return const_cast<xmlNode*>(child(parent, name)); }

void remove_node(xmlNode* node) {
  xmlUnlinkNode(node);
  xmlFreeNode(node);
}

void add_forward(xmlNode* interface, const Forward& forward) {
  xmlNode* element = xmlNewChild(interface, nullptr, xml_text("portForward"), nullptr);
  xmlNewProp(element, xml_text("proto"), xml_text(std::string(to_text(forward.host.protocol))));
  xmlNewProp(element, xml_text("address"), xml_text(forward.host.address));
  xmlNode* range = xmlNewChild(element, nullptr, xml_text("range"), nullptr);
  xmlNewProp(range, xml_text("start"), xml_text(std::to_string(forward.host.port)));
  xmlNewProp(range, xml_text("to"), xml_text(std::to_string(forward.guest_port)));
}

bool contains(const std::vector<Forward>& forwards, const Forward& forward) {
  return std::ranges::find(forwards, forward) != forwards.end();
}

void change_interface(xmlNode* interface, const std::vector<Forward>& before, const std::vector<Forward>& wanted) {
  const auto mac = mac_of(interface);
  for (xmlNode *node = interface->children, *next = nullptr; node; node = next) {
    next = node->next;
    if (!is_element(node, "portForward")) continue;
    const auto forwards = forwards_of_element(node, mac);
    if (forwards.size() == 1 && contains(before, forwards[0])) remove_node(node);
  }
  const auto there = forwards_of_interface(interface);
  for (const auto& forward : wanted)
    if (forward.nic == mac && !contains(there, forward)) add_forward(interface, forward);
}

std::string own_text(const std::vector<Forward>& forwards) {
  std::string text;
  for (const auto& [nic, host, guest_port] : forwards) {
    const PortSpec spec{.text = {}, .nic = nic, .host = host, .guest_port = guest_port};
    text += (text.empty() ? "" : " ") + to_text(spec);
  }
  return text;
}

void change_metadata(xmlNode* domain, const std::vector<Forward>& wanted) {
  xmlNode* metadata = mutable_child(domain, "metadata");
  if (xmlNode* before = our_element(metadata)) remove_node(before);
  if (wanted.empty()) return;
  if (!metadata) metadata = xmlNewChild(domain, nullptr, xml_text("metadata"), nullptr);
  xmlNode* element = xmlNewTextChild(metadata, nullptr, xml_text(kForwardsElement), xml_text(own_text(wanted)));
  xmlSetNs(element, xmlNewNs(element, xml_text(kForwardsNamespace), xml_text(kForwardsPrefix)));
}

Result<XmlDocument> parse_definition(std::string_view xml) {
  auto document = parse_xml(xml, kMaxDefinition);
  if (!document) return Error{ErrorCode::operation_failed, "the definition is unusable: " + document.error().message};
  if (!is_element(xmlDocGetRootElement(document->get()), "domain"))
    return Error{ErrorCode::operation_failed, "the definition is not of a domain"};
  return document;
}

std::vector<Forward> own_of(xmlNode* domain) {
  const xmlNode* element = our_element(mutable_child(domain, "metadata"));
  return element ? read_own_forwards(text_of(element).value_or("")) : std::vector<Forward>();
}

}  // namespace

std::vector<Forward> forwards_of_interface(const xmlNode* interface) {
  std::vector<Forward> forwards;
  const auto mac = mac_of(interface);
  for (const xmlNode* node = interface->children; node; node = node->next) {
    if (!is_element(node, "portForward")) continue;
    const auto more = forwards_of_element(node, mac);
    forwards.insert(forwards.end(), more.begin(), more.end());
  }
  return forwards;
}

std::vector<Forward> read_own_forwards(std::string_view text) {
  std::vector<Forward> forwards;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;)
    if (const auto spec = parse_port_spec(word)) forwards.push_back({spec->nic, spec->host, spec->guest_port});
  return forwards;
}

Result<std::string> with_own_forwards(std::string_view xml, const std::vector<Forward>& wanted) {
  const auto document = parse_definition(xml);
  if (!document) return document.error();
  xmlNode* const domain = xmlDocGetRootElement(document->get());
  const auto before = own_of(domain);
  xmlNode* const devices = mutable_child(domain, "devices");
  for (xmlNode* node = devices ? devices->children : nullptr; node; node = node->next)
    if (is_element(node, "interface")) change_interface(node, before, wanted);
  change_metadata(domain, wanted);
  xmlChar* text = nullptr;
  int size = 0;
  xmlDocDumpMemory(document->get(), &text, &size);
  const std::unique_ptr<xmlChar, void (*)(void*)> owner(text, [](void* memory) { xmlFree(memory); });
  if (!text) return Error{ErrorCode::internal, "there is no memory for a definition"};
  return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

Result<std::vector<Forward>> own_forwards_in(std::string_view xml) {
  const auto document = parse_definition(xml);
  if (!document) return document.error();
  return own_of(xmlDocGetRootElement(document->get()));
}

}  // namespace virtsession
