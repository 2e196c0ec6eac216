// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/supervisor.hpp"
#include "session/file_writer.hpp"
#include "util/bounded.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace virtsession {

/// The two small files of KeptState: login.json in $XDG_RUNTIME_DIR/virtsession, which ends with the login, and
/// state.json in $XDG_STATE_HOME/virtsession, which does not. Written as a whole or not at all. Main loop's thread.
///
/// The runtime folder is a tmpfs: login.json is in its file when save() returns, and a crash right after it loses
/// nothing. The state folder may hang, as any home may: its file is read and written by threads.
class StateFiles {
 public:
  /// \param read called by a thread whenever state.json has been read: what was late can be taken then; may be empty
  /// \throws what runtime_dir() and state_home() throw
  explicit StateFiles(std::function<void()> read = {});

  /// Without a login.json, and with one of another user manager than today's (all that it ran has ended with it), the
  /// login is a new one. A file that cannot be used is reported, a copy of it is kept as NAME.damaged, and it stays
  /// until save() replaces it: the next look finds the same. A state folder that does not answer within two
  /// seconds is reported as well; nothing is written there until take_late() has had what is in it.
  KeptState load();
  /// Writes what differs from the last time; a login that is over leaves no file. A failure (a full disk) is logged
  /// once, and tried again until it succeeds.
  void save(const KeptState& state);
  /// Has state.json read again, which another file system has brought; what is in it is late.
  void read_again();
  /// What load() did not wait for, or read_again() has read: KeptState::lasting, once; nothing before.
  std::optional<nlohmann::json> take_late();
  /// Waits until state.json is written. \return false, after that was reported, when it is not by then
  bool finish(std::chrono::steady_clock::time_point deadline);

 private:
  struct Content {
    std::string text;         ///< of the file; empty when it is not there
    nlohmann::json object{};  ///< null when it is not there or cannot be used
    std::string problem{};    ///< why it cannot
    bool unread = false;      ///< it could not even be read
  };
  void begin_reading();
  static Content read_file_at(const std::string& path);
  static void keep_copy(const std::string& path, const std::string& problem, const char* consequence);
  nlohmann::json login_in(const Content& content) const;
  void save_login(const nlohmann::json& login);
  bool take_in(std::chrono::steady_clock::time_point deadline);

  const std::string login_path_, lasting_path_;
  const std::string manager_;  ///< user_manager_instance()
  const std::function<void()> read_;
  std::optional<FileWriter> login_writer_;
  nlohmann::json saved_login_;               ///< what that has written; null when that is not known
  std::optional<Bounded<Content>> reading_;  ///< state.json, until it has been read
  nlohmann::json lasting_ = nlohmann::json::object();
  bool late_ = false;                         ///< take_late() has not had what is in it
  std::optional<FileWriter> lasting_writer_;  ///< once it has been read
};

}  // namespace virtsession
