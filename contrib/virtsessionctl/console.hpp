// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtsession::ctl {

/// What scripts may rely on; the numbers are systemctl's where it has them.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,        ///< something that was asked for failed, or doctor found a problem
  kUsage = 2,         ///< the command line makes no sense
  kNotRunning = 3,    ///< virtsessiond does not run
  kNoSuchVm = 4,      ///< a VM that was named does not exist
  kInterrupted = 130  ///< ended by Ctrl-C, as a shell says it
};

/// Ends a verb: one sentence of what is wrong, and what to do about it.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const { return code_; }
  /// One or more lines, or empty.
  const std::string& hint() const { return hint_; }

 private:
  ExitCode code_;
  std::string hint_;
};

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

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
};

/// Rows under a head, in columns as wide as they must be. On a terminal the last column is cut where the line ends; in
/// a pipe nothing is. Cells are made printable() here.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}

  /// \param symbol stands before the row on a terminal, in its colour; in a pipe there are none
  void add(std::vector<Cell> cells, Cell symbol = {});
  bool empty() const { return rows_.empty(); }
  void print(Console& console) const;

 private:
  struct Row {
    Cell symbol;
    std::vector<Cell> cells;
  };

  std::string line(const Terminal& terminal, const Row& row, const std::vector<std::size_t>& widths,
                   bool symbols) const;

  std::vector<std::string> head_;
  std::vector<Row> rows_;
};

}  // namespace virtsession::ctl
