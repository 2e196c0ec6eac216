// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "util/unique_c_ptr.hpp"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <optional>
#include <string>
#include <string_view>

namespace virtsession {

using XmlDocument = UniqueCPtr<xmlDoc, xmlFreeDoc>;

/// Parses XML that nobody vouches for: no DTD and so no entities but the five of XML, nothing is fetched, nothing
/// printed, at most `size_limit` bytes and libxml2's own limits (256 levels). Needs a document element. From any
/// thread. \return the document, or why not, in the words of libxml2 (code `internal`: the caller knows what it means)
Result<XmlDocument> parse_xml(std::string_view text, std::size_t size_limit);

/// Whether `node` is an element of that local name.
bool is_element(const xmlNode* node, const char* name);
/// The first child element of that local name, or null.
const xmlNode* child(const xmlNode* parent, const char* name);
/// An attribute's value without a namespace, or nothing.
std::optional<std::string> attribute(const xmlNode* element, const char* name);
/// The text directly in an element. Nothing when it holds anything but text, CDATA, comments and processing
/// instructions.
std::optional<std::string> text_of(const xmlNode* element);

}  // namespace virtsession
