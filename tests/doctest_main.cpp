// SPDX-License-Identifier: LGPL-2.1-or-later
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <iostream>

// What has run by now can be read, also where the output goes to a file or a pipe.
[[maybe_unused]] static const auto& unbuffered = std::cout << std::unitbuf;
