// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/xml.hpp"

#include <string>
#include <vector>

// A domain's XML as something to change, beyond what libvirt/xml.hpp reads. Nodes belong to their document.

namespace virtsession::move {

/// libxml2's characters are bytes of UTF-8, as ours are.
inline const xmlChar* xml_chars(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
inline const xmlChar* xml_chars(const std::string& text) { return xml_chars(text.c_str()); }

/// The document, or `internal` with the parser's words.
Result<XmlDocument> parse_definition(const std::string& xml);
/// The text of one node with all below it, without the XML declaration.
std::string to_text(const xmlNode* node);

/// All child elements of that name.
std::vector<xmlNode*> children(const xmlNode* parent, const char* name);
/// The first child element of that name, to change it; or null.
xmlNode* child_to_change(const xmlNode* parent, const char* name);
/// The element at the end of a path of names ("os/nvram"); or null.
xmlNode* at_path(const xmlNode* parent, const std::string& path);
/// The text of an element below, or empty.
std::string text_at(const xmlNode* parent, const std::string& path);
/// An attribute of an element below ("" for the element itself), or empty.
std::string attribute_at(const xmlNode* parent, const std::string& path, const char* name);

xmlNode* add_child(xmlNode* parent, const char* name, const std::string& text = {});
void set_text(xmlNode* element, const std::string& text);
void set_attribute(xmlNode* element, const char* name, const std::string& value);
void remove_attribute(xmlNode* element, const char* name);
/// Takes it out with the blanks before it.
void remove(xmlNode* node);
/// Removes every child element of that name. \return how many there were
std::size_t remove_children(xmlNode* parent, const char* name);

}  // namespace virtsession::move
