// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

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
