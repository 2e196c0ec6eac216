# SPDX-License-Identifier: LGPL-2.1-or-later
# Read by cpack before it does anything.
if(CPACK_GENERATOR STREQUAL DEB AND NOT CPACK_PACKAGING_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "a Debian package installs below /usr, and this was configured for "
    "${CPACK_PACKAGING_INSTALL_PREFIX}: cmake --preset package, or -DCMAKE_INSTALL_PREFIX=/usr")
endif()
