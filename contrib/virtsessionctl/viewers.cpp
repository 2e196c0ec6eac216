// SPDX-License-Identifier: LGPL-2.1-or-later
#include "viewers.hpp"

namespace virtsession::ctl {

std::vector<std::string> Viewer::command(const std::string& uuid) const {
  std::vector<std::string> words{program};
  words.insert(words.end(), before_uuid.begin(), before_uuid.end());
  words.push_back(uuid);
  return words;
}

const std::vector<Viewer>& viewers() {
  static const std::vector<Viewer> all{
      {"virt-viewer", {"--connect", "qemu:///session", "--attach", "--uuid"}},
      {"virt-manager", {"--connect", "qemu:///session", "--show-domain-console"}},
      {"gnome-boxes", {"--open-uuid"}},
  };
  return all;
}

}  // namespace virtsession::ctl
