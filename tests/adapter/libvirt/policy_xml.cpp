// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/policy_xml.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace virtsession;

namespace {

std::string policy_of(const std::string& xml) {
  const auto text = parse_policy_xml(xml);
  REQUIRE_MESSAGE(bool(text), xml);
  return *text;
}

std::string refused(const std::string& xml) {
  const auto text = parse_policy_xml(xml);
  REQUIRE_MESSAGE(!text, xml);
  CHECK(text.error().code == ErrorCode::invalid_policy);
  return text.error().message;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what is built is read back, whatever the text") {
  for (const std::string text :
       {"", "{}", R"({"start_order": 5})", "<&>\"'", "]]>", "<![CDATA[x]]>", "<!-- no -->", "&amp;&lt;&#60;",
        "<policy>", "a\r\nb\rc\n\td ", "gr\xc3\xbc\xc3\x9f \xe2\x9c\x93 \xf0\x9f\x90\xa7", "&xxe;",
        "<?xml version='1.0'?>", "%s%n"}) {
    CAPTURE(text);
    const auto xml = build_policy_xml(text);
    REQUIRE(bool(xml));
    CHECK(policy_of(*xml) == text);
  }
}

TEST_CASE("a text that XML cannot carry is refused before libvirt sees it") {
  for (const std::string& text :
       {std::string("a\0b", 3), std::string("\x01"), std::string("\x1b[31m"), std::string("\xff"), std::string("\xc3"),
        std::string("\xed\xa0\x80"), std::string("\xef\xbf\xbe"), std::string("\x80"), std::string("\xc0\xaf"),
        std::string("\xe0\x80\xaf"), std::string(kMaxPolicyBytes + 1, 'x')}) {
    const auto xml = build_policy_xml(text);
    REQUIRE(!xml);
    CHECK(xml.error().code == ErrorCode::invalid_policy);
  }
  CHECK(bool(build_policy_xml(std::string(kMaxPolicyBytes, '&'))));
}

TEST_CASE("the element is read however it is written") {
  CHECK(policy_of("<policy/>").empty());
  CHECK(policy_of("<policy>{\"a\":1}</policy>") == "{\"a\":1}");
  CHECK(policy_of("<v:policy xmlns:v='https://virtsession.org/policy/1'>{}</v:policy>") == "{}");
  CHECK(policy_of("<policy xmlns='https://virtsession.org/policy/1'><![CDATA[{\"a\":\"<\"}]]></policy>") ==
        "{\"a\":\"<\"}");
  CHECK(policy_of("<policy>{<!-- why -->}</policy>") == "{}");
  CHECK(policy_of("<policy>" + std::string(kMaxPolicyBytes, 'x') + "</policy>").size() == kMaxPolicyBytes);
}

TEST_CASE("hostile and broken XML is refused with a reason") {
  CHECK(contains(refused(""), "unusable"));
  refused("policy");
  refused("<policy>");
  refused("<policy></polic>");
  refused("<policy>&nbsp;</policy>");
  refused("<policy/><policy/>");
  refused("<policy>\xff</policy>");
  refused(std::string("<policy>a\0b</policy>", 20));
  CHECK(contains(refused("<other>{}</other>"), "not named 'policy'"));
  CHECK(contains(refused("<policy><start_order>5</start_order></policy>"), "more than text"));
  CHECK(contains(refused("<policy>" + std::string(kMaxPolicyBytes + 1, 'x') + "</policy>"), "longer than"));
  CHECK(contains(refused(std::string(100U << 20U, ' ') + "<policy/>"), "longer than"));

  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "<policy>";
  refused(deep);
}

TEST_CASE("no entity is expanded, inside or outside, and no file is read") {
  CHECK(contains(refused("<!DOCTYPE policy [<!ENTITY a \"x\">]><policy>&a;</policy>"), "document type"));
  CHECK(contains(refused("<!DOCTYPE policy SYSTEM \"file:///etc/passwd\"><policy/>"), "document type"));
  CHECK(contains(refused("<!DOCTYPE policy [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><policy>&a;</policy>"),
                 "document type"));
  std::string laughs = "<!DOCTYPE policy [<!ENTITY l0 \"ha\">";
  for (int i = 1; i < 20; ++i) {
    laughs += "<!ENTITY l" + std::to_string(i) + " \"";
    for (int j = 0; j < 10; ++j) laughs += "&l" + std::to_string(i - 1) + ";";
    laughs += "\">";
  }
  CHECK(contains(refused(laughs + "]><policy a=\"&l19;\">&l19;</policy>"), "document type"));
  // The same words as text are nobody's business.
  CHECK(policy_of("<policy><![CDATA[<!DOCTYPE x>]]></policy>") == "<!DOCTYPE x>");
}
