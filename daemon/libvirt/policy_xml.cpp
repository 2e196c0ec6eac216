// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/policy_xml.hpp"

#include "libvirt/xml.hpp"

#include <libxml/chvalid.h>
#include <libxml/xmlstring.h>

#include <utility>

namespace virtsession {
namespace {

constexpr const char* kElement = "policy";
// Each byte of the text is five at most, as &amp; is.
constexpr std::size_t kMaxXmlBytes = 5 * kMaxPolicyBytes + 1024;

Error invalid(const std::string& reason) {
  return {ErrorCode::invalid_policy, "The policy in the metadata is unusable: " + reason};
}

void append_escaped(std::string& out, char byte) {
  switch (byte) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':  // so that ]]> cannot arise
      out += "&gt;";
      break;
    case '\r':  // a parser makes a line feed of it
      out += "&#13;";
      break;
    default:
      out += byte;
  }
}

// Whether XML 1.0 can carry the text at all.
bool is_xml_text(std::string_view text) {
  const auto* at = reinterpret_cast<const xmlChar*>(text.data());
  for (std::size_t left = text.size(); left > 0;) {
    int length = static_cast<int>(left < 4 ? left : 4);
    const int character = xmlGetUTF8Char(at, &length);
    if (character < 0 || !xmlIsCharQ(static_cast<unsigned>(character))) return false;
    // The library takes stray continuation bytes and overlong forms, which no parser takes back.
    const int shortest = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    if (length != shortest || (*at & 0xC0) == 0x80) return false;
    at += length;
    left -= static_cast<std::size_t>(length);
  }
  return true;
}

}  // namespace

Result<std::string> build_policy_xml(std::string_view text) {
  if (text.size() > kMaxPolicyBytes)
    return Error{ErrorCode::invalid_policy, "The policy is longer than " + std::to_string(kMaxPolicyBytes) + " bytes"};
  if (!is_xml_text(text))
    return Error{ErrorCode::invalid_policy, "The policy is not UTF-8 or holds a control character"};
  std::string xml = "<policy>";
  for (const char byte : text) append_escaped(xml, byte);
  xml += "</policy>";
  return xml;
}

Result<std::string> parse_policy_xml(std::string_view xml) {
  auto document = parse_xml(xml, kMaxXmlBytes);
  if (!document) return invalid(document.error().message);
  const xmlNode* root = xmlDocGetRootElement(document->get());
  if (!is_element(root, kElement)) return invalid("the element is not named 'policy'");
  auto text = text_of(root);
  if (!text) return invalid("the element holds more than text");
  if (text->size() > kMaxPolicyBytes) return invalid("it is longer than " + std::to_string(kMaxPolicyBytes) + " bytes");
  return *std::move(text);
}

}  // namespace virtsession
