// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/autostart_links.hpp"

#include <string_view>
#include <utility>

namespace virtsession {

AutostartLinks::AutostartLinks(PathWatcher& paths, const std::string& config_home, Handlers handlers)
    : watch_(paths.watch(config_home + "/libvirt/qemu/autostart",
                         [handlers = std::move(handlers)](const std::string& entry) {
                           constexpr std::string_view kSuffix = ".xml";  // a name may hold one as well
                           if (!entry.ends_with(kSuffix)) return handlers.any();
                           handlers.one(entry.substr(0, entry.size() - kSuffix.size()));
                         })) {}

}  // namespace virtsession
