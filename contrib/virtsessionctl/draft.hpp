// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>

namespace virtsession::ctl {

/// A text that a person edits in $VISUAL, $EDITOR or the system's editor, in a file of its own that goes with it.
class Draft {
 public:
  /// \throws std::system_error
  explicit Draft(const std::string& text);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  /// Waits until the editor has ended. \return what the file has then \throws Failure when the editor failed
  std::string edit() const;
  /// Leaves the file where it is. \return its path
  std::string keep();

 private:
  std::filesystem::path folder_;
  std::filesystem::path file_;
  bool kept_ = false;
};

}  // namespace virtsession::ctl
