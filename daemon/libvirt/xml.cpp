// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/xml.hpp"

#include <cstdlib>
#include <limits>
#include <utility>

namespace virtsession {
namespace {

using ParserContext = UniqueCPtr<xmlParserCtxt, xmlFreeParserCtxt>;

const char* chars(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

// Called for a DTD before any of it is read: all that entities can do to a parser starts there.
void refuse_dtd(void* context, const xmlChar* /*name*/, const xmlChar* /*external*/, const xmlChar* /*system*/) {
  auto* parser = static_cast<xmlParserCtxtPtr>(context);
  parser->_private = parser;  // a mark for parse_xml()
  xmlStopParser(parser);
}

std::string reason(const ParserContext& parser) {
  if (parser->_private) return "it has a document type";
  const xmlError* const error = xmlCtxtGetLastError(parser.get());
  std::string text = error && error->message ? error->message : "it is not well-formed";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<XmlDocument> parse_xml(std::string_view text, std::size_t size_limit) {
  if (text.size() > size_limit || text.size() > std::numeric_limits<int>::max())
    return Error{ErrorCode::internal, "it is longer than " + std::to_string(size_limit) + " bytes"};
  const ParserContext parser(xmlNewParserCtxt());
  if (!parser) return Error{ErrorCode::internal, "there is no memory for a parser"};
  parser->sax->internalSubset = refuse_dtd;
  constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
  XmlDocument document(
      xmlCtxtReadMemory(parser.get(), text.data(), static_cast<int>(text.size()), nullptr, "UTF-8", kOptions));
  if (!document || parser->_private) return Error{ErrorCode::internal, reason(parser)};
  if (!xmlDocGetRootElement(document.get())) return Error{ErrorCode::internal, "it has no element"};
  return document;
}

bool is_element(const xmlNode* node, const char* name) {
  return node && node->type == XML_ELEMENT_NODE && std::string_view(chars(node->name)) == name;
}

const xmlNode* child(const xmlNode* parent, const char* name) {
  for (const xmlNode* node = parent->children; node; node = node->next)
    if (is_element(node, name)) return node;
  return nullptr;
}

std::optional<std::string> attribute(const xmlNode* element, const char* name) {
  for (const xmlAttr* entry = element->properties; entry; entry = entry->next) {
    if (entry->ns || std::string_view(chars(entry->name)) != name) continue;
    std::string value;
    for (const xmlNode* part = entry->children; part; part = part->next)
      if (part->type == XML_TEXT_NODE && part->content) value += chars(part->content);
    return value;
  }
  return std::nullopt;
}

std::optional<std::string> text_of(const xmlNode* element) {
  std::string text;
  for (const xmlNode* node = element->children; node; node = node->next) {
    if (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE) continue;
    if (node->type != XML_TEXT_NODE && node->type != XML_CDATA_SECTION_NODE) return std::nullopt;
    if (node->content) text += chars(node->content);
  }
  return text;
}

}  // namespace virtsession
