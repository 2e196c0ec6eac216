# SPDX-License-Identifier: LGPL-2.1-or-later
# Packages for Debian: cmake --preset package && cmake --build --preset package && cpack --preset package
# makes virtsession and, with VIRTSESSION_DESKTOP, virtsession-desktop, each with its -dbgsym. What only a Debian package has is made in deb/stage.cmake.
set(VIRTSESSION_PACKAGE_CONTACT "virtsession maintainers <maintainers@virtsession.org>" CACHE STRING
  "Who is responsible for packages that are built here")
set(deb ${CMAKE_CURRENT_LIST_DIR}/deb)

set(CPACK_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${VIRTSESSION_PACKAGE_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "keeps a user's own virtual machines running like services")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
# Paths below the prefix are compiled in and written into units: what is packaged has the prefix it was configured with.
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_PROJECT_CONFIG_FILE ${deb}/config.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${deb}/stage.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${deb}/debug-symbols.cmake)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE https://virtsession.org)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
# All but the component "desktop" is the component that CMake calls Unspecified.
set(CPACK_DEB_COMPONENT_INSTALL ${VIRTSESSION_DESKTOP})
set(CPACK_COMPONENTS_ALL Unspecified)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_DEBIAN_UNSPECIFIED_DEBUGINFO_PACKAGE ON)
if(VIRTSESSION_DESKTOP)
  list(APPEND CPACK_COMPONENTS_ALL desktop)
  set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/postrm)
else()
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/postrm)
endif()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Of Debian's emulators the one for this architecture is enough.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
  set(qemu "qemu-system-x86 | qemu-system")
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
  set(qemu "qemu-system-arm | qemu-system")
else()
  set(qemu "qemu-system")
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "dbus-user-session, libpam-systemd, libvirt-daemon (>= 9.0), \
libvirt-daemon-driver-qemu (>= 9.0), ${qemu}, systemd (>= 252)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvirt-clients, openssh-client, qemu-utils")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "passt, polkitd, virt-manager, virt-viewer")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Virtual machines that a user has in libvirt's session mode (qemu:///session),
made with virt-manager, GNOME Boxes, virsh or Cockpit, behave like services:
the marked ones start at login in their order, they come back when they crash,
and at logout, reboot and power-off they are shut down or saved and not killed.
.
A service of the user's systemd keeps libvirt's session daemon and the virtual
machines running. It needs no root and no password, stores nothing in a
database of its own, and is driven over D-Bus.")
set(CPACK_COMPONENT_UNSPECIFIED_DESCRIPTION ${CPACK_DEBIAN_PACKAGE_DESCRIPTION})
set(CPACK_DEBIAN_UNSPECIFIED_DESCRIPTION ${CPACK_DEBIAN_PACKAGE_DESCRIPTION})
set(CPACK_DEBIAN_DESKTOP_PACKAGE_NAME ${PROJECT_NAME}-desktop)
set(CPACK_DEBIAN_DESKTOP_PACKAGE_SECTION gnome)
set(CPACK_DEBIAN_DESKTOP_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_DESKTOP_PACKAGE_DEPENDS "virtsession (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_DESKTOP_PACKAGE_RECOMMENDS "virt-viewer | virt-manager")
set(CPACK_DEBIAN_DESKTOP_PACKAGE_SUGGESTS "gnome-boxes, virt-manager")
set(CPACK_DEBIAN_DESKTOP_DESCRIPTION "virtual machines that behave like services, on the desktop
A window that shows a user's own virtual machines (qemu:///session): which run,
which do not and why, what to do about it, and what a logout will do to them.
They are found by name in the search of GNOME Shell and in KRunner, too.")
include(CPack)
