// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../virtsessionctl/text.hpp"
#include "exit_code.hpp"
#include "program.hpp"
#include "util/build_config.hpp"

#include <exception>
#include <string>

using namespace virtsession;
using namespace virtsession::move;

// virtsessionctl move runs this, and has its help.
int main(int argc, char** argv) {
  ctl::Console console;
  CLI::App app("Moves a VM between qemu:///system and qemu:///session: see virtsession-move(7)", "virtsession-move");
  Options options;
  bool list = false;
  add_options(app, options);
  app.get_option("VM")->required(false);
  app.add_flag("--list", list, "The VMs of the system");
  app.add_flag("--json", console.json, "Print one JSON document");
  app.set_version_flag("--version", std::string(build::kVersion));
  int code = kFailed;
  try {
    app.parse(argc, argv);
    if (!list && options.vm.empty()) {
      console.error("move: which VM?");
      return kUsage;
    }
    code = list ? run_list(console) : run_move(console, options);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : (console.error(printable(error.what())), kUsage);
  } catch (const std::exception& error) {
    console.error(printable(error.what()));
  }
  if (!console.flush()) return kFailed;
  return code;
}
