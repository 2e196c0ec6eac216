// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// How often a program may be started that does not stay up. systemd has RestartSteps= for that from 254 on; its
/// StartLimitBurst= ends the unit for good and takes the sockets with it, so that clients fork daemons of their own.
struct BrakeLimits {
  std::size_t free = 0;             ///< starts within `window` that come at once
  std::chrono::seconds window{0};   ///< longer than `free` times `spacing`, or the brake lets go by itself
  std::chrono::seconds spacing{0};  ///< from one start to the next after these
};

/// The brakes of libvirt's daemons and of virtsessiond itself.
inline constexpr BrakeLimits kLibvirtBrake{6, std::chrono::minutes(10), std::chrono::seconds(30)};
inline constexpr BrakeLimits kOwnBrake{12, std::chrono::minutes(2), std::chrono::seconds(5)};

/// The starts of one program in this login, in a file of the runtime folder. One process at a time.
class Brake {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param name of the program, and of its file
  explicit Brake(const std::string& name);

  /// How many starts there were within the window.
  std::size_t starts(Clock::time_point now, const BrakeLimits& limits) const;
  /// How long the next start has to wait; zero when it may come at once.
  Clock::duration wait(Clock::time_point now, const BrakeLimits& limits) const;
  /// Notes a start. A file that cannot be written brakes nothing.
  void note_start(Clock::time_point now, const BrakeLimits& limits);
  /// The program ended because somebody wanted it to: the next start comes at once.
  void release();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<Clock::time_point> starts_;  ///< oldest first
};

inline constexpr std::string_view kRunBraked = "--run-braked";
/// The whole of `virtsessiond --run-braked PROGRAM [ARGUMENT...]`, ExecStart= of libvirt's daemons: becomes PROGRAM, at
/// once or when its brake allows it. Until then clients at the sockets that systemd handed over are refused, for a
/// daemon that cannot start is to be an error to them and not a silence. What may have mended it, a configuration or a
/// program that is newer than its last start, lets go of the brake. \return an exit code, when PROGRAM cannot be run
int run_braked(const std::vector<std::string>& command);

}  // namespace virtsession
