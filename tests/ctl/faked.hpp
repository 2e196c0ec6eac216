// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "service.hpp"
#include "session.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace virtsession::test {

/// Whether a text has what a terminal would obey.
inline bool has_controls(const std::string& text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }) ||
         text.find("\xc2\x9b") != std::string::npos || text.find("\u202e") != std::string::npos ||
         text.find("\u061c") != std::string::npos;
}

/// The daemon's real objects with a fake behind them, which answers when it is told to.
struct Faked : Session {
  Service service{bus()};

  Faked() {
    service.on_loop([&] {
      ManagerView manager;
      manager.libvirt_state = LibvirtState::ready;
      service.tree->update(manager);
    });
  }
  void hold() {
    service.on_loop([&] { service.api.answers = FakeApi::Answer::when_told; });
  }
  void answer(const Result<void>& outcome = {}) {
    service.on_loop([&] { std::exchange(service.api.held, {}).front()(outcome); });
  }
};

}  // namespace virtsession::test
