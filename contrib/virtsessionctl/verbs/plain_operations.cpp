// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

// Verbs that call a method without options.

namespace virtsession::ctl {
namespace {

struct Plain {
  const char* verb;
  const char* description;
  const char* method;
  const char* to_do;
  const char* done;
  Completes arguments;
};

Verb add(CLI::App& app, const Plain& plain) {
  struct Options : Waiting {
    std::vector<std::string> vms;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(plain.verb, plain.description)->group(kRun);
  add_vms(*command, options->vms);
  add_timeout(*command, *options, "Wait no longer than this; it goes on");
  return {command, plain.arguments, [options, plain](Console& console) {
            VmOperation operation;
            operation.to_do = plain.to_do;
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method(plain.method)}; };
            operation.done = [&](const VmInfo&) { return plain.done; };
            return operate(console, options->vms, operation, options->timeout());
          }};
}

}  // namespace

Verb add_reboot(CLI::App& app) {
  return add(app, {"reboot", "Ask guests to reboot; they may ignore it", "Reboot", "reboot", "was asked to reboot",
                   Completes::active_vms});
}

Verb add_pause(CLI::App& app) {
  return add(app, {"pause", "Stop guests' processors; their memory stays in use", "Pause", "pause", "paused",
                   Completes::active_vms});
}

Verb add_resume(CLI::App& app) {
  return add(app, {"resume", "Let paused guests run on", "Resume", "resume", "runs on", Completes::paused_vms});
}

Verb add_reset_failed(CLI::App& app) {
  return add(app, {"reset-failed", "Forget past failures: ends 'backoff' and 'gave-up', starts nothing", "ResetFailed",
                   "reset", "its failures are forgotten", Completes::failed_vms});
}

}  // namespace virtsession::ctl
