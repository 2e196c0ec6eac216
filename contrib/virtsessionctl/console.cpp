// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console.hpp"

#include "text.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace virtsession::ctl {
namespace {

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::size_t columns_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

/// Whether the user's terminal takes UTF-8. From then on the widths of characters are known, whatever the locale.
bool detect_unicode() {
  std::setlocale(LC_CTYPE, "");
  const bool unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  std::setlocale(LC_CTYPE, "C.UTF-8");
  return unicode;
}

const char* colour_code(Tone tone) {
  switch (tone) {
    case Tone::strong:
      return "1";
    case Tone::faint:
      return "2";
    case Tone::good:
      return "32";
    case Tone::warning:
      return "33";
    case Tone::bad:
      return "1;31";
    case Tone::plain:
      break;
  }
  return "0";
}

void write_text(FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

}  // namespace

Terminal Terminal::of(int fd) {
  static const bool unicode = detect_unicode();
  Terminal terminal;
  terminal.is_terminal = isatty(fd) == 1;
  if (!terminal.is_terminal) return terminal;
  const char* const kind = std::getenv("TERM");
  terminal.rewritable = kind != nullptr && std::strcmp(kind, "dumb") != 0;
  terminal.colours = terminal.rewritable && !is_set("NO_COLOR");
  terminal.unicode = unicode && terminal.rewritable;
  terminal.columns = columns_of(fd);
  return terminal;
}

std::string Terminal::paint(Tone tone, std::string_view text) const {
  if (!colours || tone == Tone::plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", colour_code(tone), text);
}

std::string Terminal::when(std::uint64_t usec) const {
  if (usec == 0) return {};
  if (!is_terminal) return time_text(usec);
  const auto now = realtime_usec();
  return duration_text(std::chrono::microseconds(now > usec ? now - usec : 0)) + " ago";
}

Console::Console() : out_(Terminal::of(STDOUT_FILENO)), err_(Terminal::of(STDERR_FILENO)) {}

void Console::print(std::string_view line) {
  clear_progress();
  write_text(stdout, line);
  write_text(stdout, "\n");
}

void Console::print_raw(std::string_view text) {
  clear_progress();
  write_text(stdout, text);
}

void Console::print_json(const nlohmann::json& document) {
  print(document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace));
}

void Console::print_json_line(const nlohmann::json& document) {
  print(document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

void Console::error(std::string_view text) {
  clear_progress();
  std::fflush(stdout);
  write_text(stderr, err_.paint(Tone::bad, "virtsessionctl:"));
  write_text(stderr, fmt::format(" {}\n", text));
}

void Console::hint(std::string_view text) {
  if (text.empty()) return;
  clear_progress();
  std::fflush(stdout);
  while (!text.empty()) {
    const auto end = text.find('\n');
    write_text(stderr, fmt::format("  {}\n", text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

void Console::note(std::string_view line) {
  clear_progress();
  std::fflush(stdout);
  write_text(stderr, fmt::format("{}\n", line));
}

void Console::show_progress(const std::string& line) {
  if (!err_.rewritable || line == progress_) return;
  clear_progress();
  progress_ = line;
  std::fflush(stdout);
  // Lines that wrap cannot be written over.
  write_text(stderr, cut_to_width(line, err_.columns - 1, err_.ellipsis()));
}

void Console::clear_progress() {
  if (progress_.empty()) return;
  progress_.clear();
  write_text(stderr, "\r\x1b[K");
}

bool Console::flush() {
  clear_progress();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

void Table::add(std::vector<Cell> cells, Cell symbol) {
  for (auto& cell : cells) cell.text = printable(cell.text);
  rows_.push_back({std::move(symbol), std::move(cells)});
}

void Table::print(Console& console) const {
  const auto& terminal = console.out();
  const bool symbols =
      terminal.is_terminal && std::ranges::any_of(rows_, [](const Row& row) { return !row.symbol.text.empty(); });
  std::vector<std::size_t> widths;
  for (const auto& title : head_) widths.push_back(title.size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row.cells[i].text));
  Row head;
  for (const auto& title : head_) head.cells.push_back({title, Tone::strong});
  console.print(line(terminal, head, widths, symbols));
  for (const auto& row : rows_) console.print(line(terminal, row, widths, symbols));
}

std::string Table::line(const Terminal& terminal, const Row& row, const std::vector<std::size_t>& widths,
                        bool symbols) const {
  std::string text;
  std::size_t used = 0;
  if (symbols) {
    text += row.symbol.text.empty() ? std::string(" ") : terminal.paint(row.symbol.tone, row.symbol.text);
    text += ' ';
    used += 2;
  }
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const auto& cell = row.cells[i];
    const bool last = i + 1 == row.cells.size();
    if (last && terminal.columns > 0) {
      const auto left = terminal.columns > used ? terminal.columns - used : 0;
      text += terminal.paint(cell.tone, cut_to_width(cell.text, left, terminal.ellipsis()));
      break;
    }
    text += terminal.paint(cell.tone, cell.text);
    if (last) break;
    text.append(widths[i] - display_width(cell.text) + 2, ' ');
    used += widths[i] + 2;
  }
  // A pipe's reader wants no spaces where a last cell is empty.
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace virtsession::ctl
