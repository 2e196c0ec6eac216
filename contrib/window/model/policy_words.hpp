// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace virtsession::window {

/// A policy key's name for people, in the user's language; one that is not known here, made of the key: "On battery".
std::string key_title(const std::string& key);

/// The group of the form that a key belongs to.
std::string group_title(const std::string& key);

}  // namespace virtsession::window
