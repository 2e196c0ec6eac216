// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.hpp"

#include "text.hpp"

#include <algorithm>
#include <utility>

namespace virtsession::ctl {

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
