// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/arguments.hpp"

#include "app/config_store.hpp"
#include "util/build_config.hpp"
#include "util/printable.hpp"

#include <getopt.h>
#include <sysexits.h>

#include <cstdlib>
#include <iostream>

namespace virtsession {
namespace {

constexpr const char* kHelp = R"(Usage: virtsessiond [OPTION...]

Keeps the virtual machines of this user (qemu:///session) running like services.
Started by systemd: systemctl --user enable --now virtsessiond

  --config FILE        Read this configuration instead of the usual one
  --check-config FILE  Say what is wrong with a configuration, and exit with 0 or 78
  --connect URI        Use this libvirt connection; no libvirt daemon and no unit is
                       managed (for tests: test:///default)
  --resume-stop        Go on with the stop of all VMs that an instance before this did not end,
                       if there is one (for ExecStopPost= of the unit)
  --last-resort        Stop all VMs that run, if the session ends and no virtsessiond did it (for
                       ExecStop= and ExecStopPost= of virtsession-last-resort.service)
  --run-braked PROGRAM [ARGUMENT...]
                       Become PROGRAM; when it did not last several times, wait and refuse its
                       clients first (for ExecStart= of libvirt's daemons)
  --version            Show the version
  --help               Show this text

Files:
  $XDG_CONFIG_HOME/virtsession/config.json, else /etc/virtsession/config.json
  $XDG_STATE_HOME/virtsession/state.json     VMs that ran at the last stop
  $XDG_RUNTIME_DIR/virtsession/login.json    what was done since the login
)";

int check_config(const std::string& path) {
  const auto file = read_config_file(path);
  if (!file) {
    std::cerr << printable(file.error().message) << '\n';
    return EX_NOINPUT;
  }
  for (const auto& problem : file->problems)
    std::cerr << printable(path + ": " + to_text(std::vector{problem})) << '\n';
  if (!file->problems.empty()) return EX_CONFIG;
  std::cout << printable(path) << ": good\n";
  return EX_OK;
}

int wrong_usage(const std::string& what) {
  std::cerr << "virtsessiond: " << printable(what) << "; see --help\n";
  return EX_USAGE;
}

enum Option {
  kConfig = 256,
  kCheckConfig,
  kConnect,
  kResumeStop,
  kLastResort,
  kVersionOption,
  kHelpOption
};  // not the letters of short options

/// The word that getopt_long(3) has just refused.
std::string given(int argc, char** argv) {
  if (optopt > 0 && optopt < kConfig) return std::string("'-") + static_cast<char>(optopt) + "'";
  return optind > 0 && optind <= argc ? "'" + std::string(argv[optind - 1]) + "'" : std::string();
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  static constexpr option kOptions[] = {
      {"config", required_argument, nullptr, kConfig},    {"check-config", required_argument, nullptr, kCheckConfig},
      {"connect", required_argument, nullptr, kConnect},  {"resume-stop", no_argument, nullptr, kResumeStop},
      {"last-resort", no_argument, nullptr, kLastResort}, {"version", no_argument, nullptr, kVersionOption},
      {"help", no_argument, nullptr, kHelpOption},        {nullptr, 0, nullptr, 0},
  };
  Arguments arguments;
  opterr = 0;  // its own words would show what was given as it is
  // A colon first tells a missing argument from an option that there is not.
  for (int found = 0; (found = getopt_long(argc, argv, ":", kOptions, nullptr)) != -1;) {
    switch (found) {
      case kConfig:
        arguments.config_file = optarg;
        break;
      case kConnect:
        arguments.uri = optarg;
        break;
      case kResumeStop:
        arguments.resume_stop = true;
        break;
      case kLastResort:
        arguments.last_resort = true;
        break;
      case kCheckConfig:
        arguments.exit_code = check_config(optarg);
        return arguments;
      case kVersionOption:
        std::cout << "virtsessiond " << build::kVersion << '\n';
        arguments.exit_code = EX_OK;
        return arguments;
      case kHelpOption:
        std::cout << kHelp;
        arguments.exit_code = EX_OK;
        return arguments;
      case ':':
        arguments.exit_code = wrong_usage(given(argc, argv) + " needs an argument");
        return arguments;
      default:
        arguments.exit_code = wrong_usage("unknown option " + given(argc, argv));
        return arguments;
    }
  }
  if (optind < argc) arguments.exit_code = wrong_usage("unexpected argument '" + std::string(argv[optind]) + "'");
  return arguments;
}

}  // namespace virtsession
