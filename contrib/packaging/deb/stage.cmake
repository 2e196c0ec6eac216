# SPDX-License-Identifier: LGPL-2.1-or-later
# Read by cpack between the installation into a folder of its own and the making of the package: adds what Debian's
# policy asks of a package beyond what is installed from the source (chapter 12: documentation).
if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
set(deb ${CPACK_SOURCE_DIR}/contrib/packaging/deb)
set(prefix ${CPACK_PACKAGING_INSTALL_PREFIX})
# The newest entry of Debian's changelog is this package. Honours SOURCE_DATE_EPOCH.
set(VERSION ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
string(TIMESTAMP DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)

# What the package of virtsessiond has, and no other.
function(stage_daemon usr doc)
  configure_file(${deb}/README.Debian ${doc}/README.Debian COPYONLY)
  configure_file(${deb}/lintian-overrides ${usr}/share/lintian/overrides/virtsession COPYONLY)
  configure_file(${deb}/80-virtsession.preset ${usr}/lib/systemd/user-preset/80-virtsession.preset COPYONLY)
  # Where Debian's zsh looks.
  file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
  file(REMOVE ${doc}/LICENSE)
  file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
endfunction()

# What every package has.
function(stage root package)
  set(usr ${root}${prefix})
  set(doc ${usr}/share/doc/${package})
  configure_file(${deb}/changelog.in ${doc}/changelog.Debian @ONLY)
  configure_file(${deb}/copyright ${doc}/copyright COPYONLY)
  if(package STREQUAL CPACK_PACKAGE_NAME)
    stage_daemon(${usr} ${doc})
  endif()
  file(GLOB_RECURSE compressed ${usr}/share/man/* ${doc}/changelog ${doc}/changelog.Debian)
  execute_process(COMMAND gzip --best --no-name ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE files LIST_DIRECTORIES ON ${root}/*)
  foreach(path IN LISTS files)
    if(IS_DIRECTORY ${path} OR path MATCHES "/(bin|libexec)/[^/]+$")
      file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    elseif(NOT IS_SYMLINK ${path})
      file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
  endforeach()
endfunction()

if(CPACK_DEB_COMPONENT_INSTALL)
  stage(${CPACK_TEMPORARY_INSTALL_DIRECTORY}/Unspecified ${CPACK_PACKAGE_NAME})
  stage(${CPACK_TEMPORARY_INSTALL_DIRECTORY}/desktop ${CPACK_PACKAGE_NAME}-desktop)
else()
  stage(${CPACK_TEMPORARY_INSTALL_DIRECTORY} ${CPACK_PACKAGE_NAME})
endif()
