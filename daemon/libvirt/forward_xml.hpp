// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/result.hpp"

#include <libxml/tree.h>

#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// The metadata element that lists the forwards which virtsessiond has put into a definition: entries of `ports` with
/// MACs, with spaces between them. So those of a person are left alone, and there is no other place to keep in step.
inline constexpr const char* kForwardsNamespace = "https://virtsession.org/forwards/1";

/// The <portForward> of an <interface>, one forward a port, by its MAC. A range of more than 64 ports, and one that
/// leaves ports out, is no list of forwards and not among them. See libvirt's formatdomain.
std::vector<Forward> forwards_of_interface(const xmlNode* interface);
/// From the text of that metadata element; what is no entry is left out.
std::vector<Forward> read_own_forwards(std::string_view text);

/// The definition with `wanted` (by MAC) in the place of the forwards that virtsessiond put there before. One that a
/// person has put there is not added again. Nothing else is changed.
/// \return operation_failed when it is not the XML of a domain
Result<std::string> with_own_forwards(std::string_view xml, const std::vector<Forward>& wanted);
/// Those that virtsessiond has put into a definition.
Result<std::vector<Forward>> own_forwards_in(std::string_view xml);

}  // namespace virtsession
