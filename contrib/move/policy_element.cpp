// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_element.hpp"

#include "core/policy.hpp"
#include "libvirt/policy_xml.hpp"

#include <libxml/xmlstring.h>

namespace virtsession::move {
namespace {

xmlNode* find_policy(const xmlNode* metadata) {
  for (auto* element : children(metadata, "policy"))
    if (element->ns && xmlStrEqual(element->ns->href, xml_chars(kPolicyNamespace))) return element;
  return nullptr;
}

xmlNode* make_policy(xmlNode* domain) {
  auto* metadata = child_to_change(domain, "metadata");
  if (!metadata) metadata = add_child(domain, "metadata");
  auto* element = add_child(metadata, "policy");
  xmlSetNs(element, xmlNewNs(element, xml_chars(kPolicyNamespace), xml_chars(kPolicyPrefix)));
  return element;
}

}  // namespace

void add_policy(xmlNode* domain, const nlohmann::json& keys) {
  if (keys.empty()) return;
  auto* element = find_policy(child(domain, "metadata"));
  auto policy = nlohmann::json::object();
  if (element) {
    policy = read_policy_text(text_of(element).value_or("")).raw;
    if (!policy.is_object()) return;
  } else {
    element = make_policy(domain);
  }
  for (const auto& [key, value] : keys.items())
    if (!policy.contains(key)) policy[key] = value;
  set_text(element, policy.dump());
}

}  // namespace virtsession::move
