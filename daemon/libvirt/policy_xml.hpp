// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace virtsession {

/// Where a domain's policy lives in its XML: one element in <metadata>, whose text is a JSON object.
/// See "Custom metadata" in libvirt's formatdomain.
inline constexpr const char* kPolicyNamespace = "https://virtsession.org/policy/1";
inline constexpr const char* kPolicyPrefix = "virtsession";
/// Of the text, escaped or not: far more than any policy, and little enough for libvirt's 4 MiB strings.
inline constexpr std::size_t kMaxPolicyBytes = std::size_t{64} * 1024;

/// The element as virDomainSetMetadata wants it: without a prefix, which libvirt adds from its arguments.
/// \return the XML; invalid_policy when the text is too long, not UTF-8, or has a character that XML has no place for
///         (JSON escapes those)
Result<std::string> build_policy_xml(std::string_view text);

/// The text of the element that virDomainGetMetadata returned. It may be anybody's work: see parse_xml().
/// \return the text, which need not be JSON; or invalid_policy
Result<std::string> parse_policy_xml(std::string_view xml);

}  // namespace virtsession
