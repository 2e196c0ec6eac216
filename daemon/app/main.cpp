// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/arguments.hpp"
#include "app/daemon.hpp"
#include "util/fatal_error.hpp"
#include "util/log.hpp"
#include "util/session_user.hpp"

#include <sysexits.h>

#include <csignal>
#include <cstdlib>
#include <exception>

using namespace virtsession;

namespace {

/// Before any thread is there, so that all of them have it: the loop reads these signals from a descriptor.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  block_signals();
  try {
    const auto arguments = parse_arguments(argc, argv);
    if (arguments.exit_code) return *arguments.exit_code;
    if (const auto ready = log::init(log::Level::info); !ready) throw FatalError(EX_CONFIG, ready.error().message);
    if (!arguments.uri)
      if (const auto why = why_no_session()) throw FatalError(EX_NOPERM, *why);
    if (arguments.resume_stop && !Supervisor::is_in_stop(StateFiles().load())) return EX_OK;
    // The client library must never fork a daemon into our unit, whoever starts this program.
    setenv("LIBVIRT_AUTOSTART", "0", 1);
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
