// SPDX-License-Identifier: LGPL-2.1-or-later
// The window of virtsession: virtual machines on the desktop.
#include "application.hpp"
#include "texts/translate.hpp"

int main(int argc, char** argv) {
  virtsession::texts::init_translations();
  virtsession::window::Application application;
  return application.run(argc, argv);
}
