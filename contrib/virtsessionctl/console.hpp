// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace virtsession::ctl {

enum class Tone { plain, strong, faint, good, warning, bad };

/// What one of the program's streams can show. A pipe shows text alone, of any length.
struct Terminal {
  bool is_terminal = false;
  bool colours = false;     ///< not with NO_COLOR
  bool rewritable = false;  ///< a line can be written over; not with TERM=dumb
  bool unicode = false;
  std::size_t columns = 0;  ///< 0: no limit

  static Terminal of(int fd);

  std::string paint(Tone tone, std::string_view text) const;
  std::string_view ellipsis() const { return unicode ? "…" : "..."; }
  std::string_view choose(std::string_view in_unicode, std::string_view in_ascii) const {
    return unicode ? in_unicode : in_ascii;
  }
  /// When something was: how long ago for a person, exactly for a pipe. Empty for 0.
  std::string when(std::uint64_t usec) const;
};

/// The program's two streams. Everything that a verb says goes through here; texts of others are made printable() by
/// whoever puts them into a sentence.
class Console {
 public:
  Console();

  const Terminal& out() const { return out_; }
  const Terminal& err() const { return err_; }
  /// One line of the result.
  void print(std::string_view line);
  /// Text of the result as it is, without a line break.
  void print_raw(std::string_view text);
  /// The result as one JSON document. Everything but ASCII is escaped: it is safe on a terminal as well.
  void print_json(const nlohmann::json& document);
  /// One JSON document on a line of its own, sent at once.
  void print_json_line(const nlohmann::json& document);
  /// What went wrong, on the standard error: "virtsessionctl: ...".
  void error(std::string_view text);
  /// What to do about it; may have several lines. Nothing for an empty text.
  void hint(std::string_view text);
  /// Something worth knowing that is no error, on the standard error.
  void note(std::string_view line);
  /// A line of the standard error that the next output of any kind writes over. Empty: takes it away.
  /// Only on a terminal that can.
  void show_progress(const std::string& line);
  /// Sends what was printed. \return whether all of it arrived
  bool flush();

  bool json = false;  ///< the caller wants JSON

 private:
  void clear_progress();

  Terminal out_;
  Terminal err_;
  std::string progress_;
};

}  // namespace virtsession::ctl
