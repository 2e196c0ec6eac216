// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_tree.hpp"

#include <libxml/xmlstring.h>

namespace virtsession::move {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

}  // namespace

Result<XmlDocument> parse_definition(const std::string& xml) { return parse_xml(xml, kMaxBytes); }

std::string to_text(const xmlNode* node) {
  const UniqueCPtr<xmlBuffer, xmlBufferFree> buffer(xmlBufferCreate());
  xmlNodeDump(buffer.get(), node->doc, const_cast<xmlNode*>(node), 0, 0);
  const auto* content = xmlBufferContent(buffer.get());
  return content ? std::string(reinterpret_cast<const char*>(content)) : std::string();
}

std::vector<xmlNode*> children(const xmlNode* parent, const char* name) {
  std::vector<xmlNode*> found;
  for (xmlNode* node = parent ? parent->children : nullptr; node; node = node->next)
    if (is_element(node, name)) found.push_back(node);
  return found;
}

xmlNode* child_to_change(const xmlNode* parent, const char* name) {
  return parent ? const_cast<xmlNode*>(child(parent, name)) : nullptr;
}

xmlNode* at_path(const xmlNode* parent, const std::string& path) {
  auto* node = const_cast<xmlNode*>(parent);
  for (std::size_t begin = 0; node && begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    node = child_to_change(node, path.substr(begin, end - begin).c_str());
    begin = end + 1;
  }
  return node;
}

std::string text_at(const xmlNode* parent, const std::string& path) {
  const auto* node = at_path(parent, path);
  return node ? text_of(node).value_or("") : std::string();
}

std::string attribute_at(const xmlNode* parent, const std::string& path, const char* name) {
  const auto* node = at_path(parent, path);
  return node ? attribute(node, name).value_or("") : std::string();
}

xmlNode* add_child(xmlNode* parent, const char* name, const std::string& text) {
  return xmlNewTextChild(parent, nullptr, xml_chars(name), text.empty() ? nullptr : xml_chars(text));
}

void set_text(xmlNode* element, const std::string& text) {
  while (element->children) {
    auto* first = element->children;
    xmlUnlinkNode(first);
    xmlFreeNode(first);
  }
  xmlAddChild(element, xmlNewDocText(element->doc, xml_chars(text)));
}

void set_attribute(xmlNode* element, const char* name, const std::string& value) {
  xmlSetProp(element, xml_chars(name), xml_chars(value));
}

void remove_attribute(xmlNode* element, const char* name) { xmlUnsetProp(element, xml_chars(name)); }

void remove(xmlNode* node) {
  if (auto* before = node->prev; before && before->type == XML_TEXT_NODE && xmlIsBlankNode(before)) {
    xmlUnlinkNode(before);
    xmlFreeNode(before);
  }
  xmlUnlinkNode(node);
  xmlFreeNode(node);
}

std::size_t remove_children(xmlNode* parent, const char* name) {
  const auto found = children(parent, name);
  for (auto* node : found) remove(node);
  return found.size();
}

}  // namespace virtsession::move
