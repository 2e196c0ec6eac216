// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// Reads and checks one file. \return the error when it cannot be read; what is wrong inside is in the ConfigText
Result<ConfigText> read_config_file(const std::string& path);

/// The configuration in force, and the file it comes from: the one that is given, else
/// $XDG_CONFIG_HOME/virtsession/config.json, else /etc/virtsession/config.json, else the built-in defaults. Its first
/// load is the constructor's. A file that does not answer within half a second cannot be used. Main loop's thread.
class ConfigStore {
 public:
  /// Whether a configuration that is well written can be had on this machine; else what is wrong with it.
  using Check = std::function<std::optional<Problem>(const Config&)>;

  /// \param file empty: one of the usual ones
  explicit ConfigStore(std::string file, Check check = {});

  /// Reads it again. \return `invalid_config` for a file that cannot be used, which leaves all but problems() as it was
  Result<void> reload();

  const Config& config() const { return loaded_.config; }
  /// Of the file in force, also of one that could not be used at the first load; empty for the built-in defaults.
  const std::string& path() const { return loaded_.path; }
  /// Of the last file that could not be used.
  const std::vector<Problem>& problems() const { return loaded_.problems; }

 private:
  struct Loaded {
    std::string path;
    Config config;
    std::vector<Problem> problems;
  };
  Loaded load() const;

  const std::string file_;
  const Check check_;
  Loaded loaded_;
};

}  // namespace virtsession
