# SPDX-License-Identifier: LGPL-2.1-or-later
# Read by cpack between the installation into a folder of its own and the making of the package: adds what Debian's
# policy asks of a package beyond what is installed from the source (chapter 12: documentation).
if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(usr ${root}${CPACK_PACKAGING_INSTALL_PREFIX})
set(doc ${usr}/share/doc/${CPACK_PACKAGE_NAME})
set(deb ${CPACK_SOURCE_DIR}/contrib/packaging/deb)

# The newest entry of Debian's changelog is this package. Honours SOURCE_DATE_EPOCH.
set(VERSION ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
string(TIMESTAMP DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${deb}/changelog.in ${doc}/changelog.Debian @ONLY)
configure_file(${deb}/copyright ${doc}/copyright COPYONLY)
configure_file(${deb}/README.Debian ${doc}/README.Debian COPYONLY)
configure_file(${deb}/lintian-overrides ${usr}/share/lintian/overrides/${CPACK_PACKAGE_NAME} COPYONLY)
configure_file(${deb}/80-virtsession.preset ${usr}/lib/systemd/user-preset/80-virtsession.preset COPYONLY)
# Where Debian's zsh looks.
file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
file(REMOVE ${doc}/LICENSE)
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)

file(GLOB_RECURSE compressed ${usr}/share/man/*)
list(APPEND compressed ${doc}/changelog ${doc}/changelog.Debian)
execute_process(COMMAND gzip --best --no-name ${compressed} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE files LIST_DIRECTORIES ON ${root}/*)
foreach(path IN LISTS files)
  if(IS_DIRECTORY ${path} OR path MATCHES "/bin/[^/]+$")
    file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  elseif(NOT IS_SYMLINK ${path})
    file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
endforeach()
