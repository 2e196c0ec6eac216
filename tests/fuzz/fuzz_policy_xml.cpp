// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fuzz_check.hpp"
#include "libvirt/policy_xml.hpp"

#include <cstddef>
#include <cstdint>

using namespace virtsession;

/// An element is read without harm. Its text, and any text that can be written at all, comes back as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto comes_back = [](std::string_view text) {
    const auto xml = build_policy_xml(text);
    if (!xml) return false;
    const auto read = parse_policy_xml(*xml);
    PROMISE(read && *read == text);
    return true;
  };
  comes_back(input);
  if (const auto text = parse_policy_xml(input)) PROMISE(comes_back(*text));
  return 0;
}
