// SPDX-License-Identifier: LGPL-2.1-or-later
#include "draft.hpp"

#include "exit_code.hpp"
#include "text.hpp"
#include "util/shell_word.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace virtsession::ctl {
namespace {

std::string editor() {
  for (const char* const variable : {"VISUAL", "EDITOR"})
    if (const char* const value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  for (const char* const program : {"/usr/bin/editor", "/usr/bin/nano", "/usr/bin/vi"})
    if (access(program, X_OK) == 0) return program;
  throw Failure(kFailed, "there is no editor", "Name one:  EDITOR=nano virtsessionctl policy VM --edit");
}

}  // namespace

Draft::Draft(const std::string& text) {
  auto pattern = (std::filesystem::temp_directory_path() / "virtsessionctl-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "failed to make a folder for the text");
  folder_ = pattern;
  file_ = folder_ / "policy.json";
  std::ofstream(file_) << text;
}

Draft::~Draft() {
  if (kept_) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Draft::edit() const {
  // The variable may have options: "code --wait". system(3) leaves Ctrl-C to the editor.
  const auto command = editor() + " " + shell_word(file_.string());
  if (const int status = std::system(command.c_str()); status != 0)
    throw Failure(kFailed, "the editor failed, and nothing is changed: " + printable(command));
  std::ostringstream text;
  text << std::ifstream(file_).rdbuf();
  return text.str();
}

std::string Draft::keep() {
  kept_ = true;
  return file_.string();
}

}  // namespace virtsession::ctl
