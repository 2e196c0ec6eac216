// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/kernel_facts.hpp"

#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {
namespace {

using test::TemporaryFolder;
using Supply = std::map<std::string, std::string>;

const Supply kMains{{"type", "Mains"}, {"online", "1"}};
const Supply kMainsOff{{"type", "Mains"}, {"online", "0"}};
const Supply kUsb{{"type", "USB"}, {"online", "2"}};
const Supply kUsbOff{{"type", "USB"}, {"online", "0"}};
const Supply kDischarging{{"type", "Battery"}, {"status", "Discharging"}, {"scope", "System"}};
const Supply kOldDischarging{{"type", "Battery"}, {"status", "Discharging"}};
const Supply kCharging{{"type", "Battery"}, {"status", "Charging"}};
const Supply kFull{{"type", "Battery"}, {"status", "Not charging"}};
const Supply kMouse{{"type", "Battery"}, {"status", "Discharging"}, {"scope", "Device"}};
const Supply kBroken{};

TEST_CASE("Mains power as systemd-ac-power has it") {
  const std::vector<std::pair<std::vector<Supply>, bool>> table{
      {{}, true},
      {{kMains}, true},
      {{kMainsOff}, true},
      {{kMains, kDischarging}, true},
      {{kMainsOff, kDischarging}, false},
      {{kMainsOff, kOldDischarging}, false},
      {{kDischarging, kUsb}, true},
      {{kDischarging, kUsbOff}, false},
      {{kMainsOff, kCharging}, true},
      {{kMainsOff, kFull}, true},
      {{kFull, kDischarging}, false},
      {{kMouse}, true},
      {{kMainsOff, kMouse}, true},
      {{kBroken, kMainsOff, kDischarging}, false},
  };
  for (std::size_t row = 0; row < table.size(); ++row) {
    CAPTURE(row);
    TemporaryFolder folder;
    int number = 0;
    for (const auto& supply : table[row].first) {
      const auto path = folder / ("supply" + std::to_string(number++));
      std::filesystem::create_directory(path);
      for (const auto& [name, text] : supply) std::ofstream(path / name) << text << '\n';
    }
    CHECK(on_ac_power(folder.path()) == table[row].second);
  }
  CHECK(on_ac_power("/nonexistent/power_supply"));
}

TEST_CASE("A host has a battery, which those of mice are not") {
  const std::vector<std::pair<Supply, bool>> table{
      {kMains, false}, {kMouse, false}, {kBroken, false}, {kCharging, true}, {kDischarging, true}};
  for (const auto& row : table) {
    const bool is_battery = row.second;
    CAPTURE(is_battery);
    TemporaryFolder folder;
    std::filesystem::create_directory(folder / "BAT0");
    for (const auto& [name, text] : row.first) std::ofstream(folder / "BAT0" / name) << text << '\n';
    CHECK(has_battery(folder.path()) == is_battery);
  }
  CHECK_FALSE(has_battery("/nonexistent/power_supply"));
}

TEST_CASE("Available memory is read from the kernel's text") {
  CHECK(available_memory_mib("MemTotal:       24684092 kB\nMemAvailable:   24040708 kB\nBuffers: 1 kB\n") == 23477);
  CHECK(available_memory_mib("MemAvailable:       1023 kB\n") == 0);
  CHECK_FALSE(available_memory_mib("MemTotal:       24684092 kB\n"));
  CHECK_FALSE(available_memory_mib("MemAvailable:"));
  CHECK_FALSE(available_memory_mib("MemAvailable:   lots\n"));
  CHECK_FALSE(available_memory_mib(""));
  CHECK(read_available_memory_mib("/proc/meminfo").value_or(0) > 0);
  CHECK_FALSE(read_available_memory_mib("/nonexistent/meminfo"));
}

TEST_CASE("A path exists when something is there, not when a link to it is") {
  TemporaryFolder folder;
  CHECK(look_at_path(folder.path()).exists);
  CHECK_FALSE(look_at_path(folder / "missing").exists);
  std::filesystem::create_symlink(folder / "missing", folder / "link");
  CHECK_FALSE(look_at_path(folder / "link").exists);
  CHECK_FALSE(look_at_path(folder.path()).mounted);
  CHECK(look_at_path("/proc").mounted);
}

}  // namespace
}  // namespace virtsession
