// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/arguments.hpp"
#include "app/daemon.hpp"
#include "app/last_resort.hpp"
#include "app/pending_end.hpp"
#include "systemd/brake.hpp"
#include "util/fatal_error.hpp"
#include "util/log.hpp"
#include "util/session_user.hpp"

#include <sysexits.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>

using namespace virtsession;

namespace {

/// Before any thread is there, so that all of them have it: the loop reads these signals from a descriptor.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// An instance that does not live long is not to cost much. A SIGTERM meanwhile is for the main loop, which decides
/// what it means.
void brake() {
  using Clock = Brake::Clock;
  Brake own("virtsessiond");
  while (own.wait(Clock::now(), kOwnBrake) > Clock::duration::zero() && !end_is_pending()) {
    const timespec moment{0, 100'000'000};
    nanosleep(&moment, nullptr);
  }
  own.note_start(Clock::now(), kOwnBrake);
}

/// What is left to do after an instance has ended, from ExecStopPost=. \return whether it is this one that goes on
bool takes_over_from_last() {
  if (Supervisor::is_in_stop(StateFiles().load())) return true;
  const char* const result = std::getenv("SERVICE_RESULT");
  if (result && std::string_view(result) == "success") Brake("virtsessiond").release();
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == kRunBraked) return run_braked({argv + 2, argv + argc});
  block_signals();
  try {
    const auto arguments = parse_arguments(argc, argv);
    if (arguments.exit_code) return *arguments.exit_code;
    if (const auto ready = log::init(log::Level::info); !ready) throw FatalError(EX_CONFIG, ready.error().message);
    if (!arguments.uri)
      if (const auto why = why_no_session()) throw FatalError(EX_NOPERM, *why);
    // The client library must never fork a daemon into our unit, whoever starts this program.
    setenv("LIBVIRT_AUTOSTART", "0", 1);
    if (arguments.last_resort) return stop_as_last_resort();
    if (arguments.resume_stop && !takes_over_from_last()) return EX_OK;
    if (!arguments.uri && !arguments.resume_stop) brake();
    Daemon daemon(arguments);
    return daemon.run();
  } catch (const FatalError& error) {
    log::error("{}", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    log::error("Ended by an unexpected error: {}", error.what());
  }
  return EX_SOFTWARE;
}
