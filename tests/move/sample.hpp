// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "plan.hpp"

#include <string>
#include <vector>

namespace virtsession::test {

/// A definition as libvirt VERSION ("9.0", "11.3", "12.8") wrote it: one VM with one of each kind of thing.
std::string dump(const std::string& version);
/// Replaces every `from` in a text; one that is not there is an error of the test.
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// Facts of a small VM of the system that can be moved: one qcow2 disk that stands on another.
move::Facts small_vm();
/// What a move of that VM with more XML for its devices finds.
move::Plan plan_with(const std::string& devices, const move::Request& request = {.vm = "web", .network = {}, .to = {}});

move::FileFacts image(const std::string& format, const std::string& backing = {});
/// The item about `what`; null when there is none.
const move::Item* find(const std::vector<move::Item>& items, const std::string& what);
/// "disk vda: it is ..." of all items, a line each.
std::string text_of(const std::vector<move::Item>& items);

}  // namespace virtsession::test
