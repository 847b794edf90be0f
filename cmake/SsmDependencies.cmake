# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Finds what a component stands on; read by the build and by the installed package alike.
#
#   ssm_find_dependencies(<component> <result> [GLOBAL])
#
# sets <result> to a sentence that says what is missing and how to get it, or to nothing. GLOBAL makes the found targets
# visible to the project that includes ssm as a subdirectory.
function(ssm_find_dependencies component result)
  set(${result} "" PARENT_SCOPE)
  list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  if(component STREQUAL "cpu")
    find_package(Threads QUIET ${ARGN})
    find_package(Eigen3 3.4 QUIET NO_MODULE ${ARGN})
    set(found ${Eigen3_FOUND})
    set(needs "Eigen 3.4 (Debian: libeigen3-dev)")
  elseif(component STREQUAL "io")
    find_package(nlohmann_json 3.11 QUIET CONFIG ${ARGN})
    set(found ${nlohmann_json_FOUND})
    set(needs "nlohmann_json 3.11 (Debian: nlohmann-json3-dev)")
  elseif(component STREQUAL "text")
    ssm_find_dependencies(io missing ${ARGN})
    if(missing)
      string(REPLACE "ssm::io" "ssm::text" missing "${missing}")
      set(${result} "${missing}" PARENT_SCOPE)
      return()
    endif()
    find_package(PCRE2 10.30 QUIET MODULE ${ARGN})
    set(found ${PCRE2_FOUND})
    set(needs "PCRE2 10.30, 8-bit (Debian: libpcre2-dev)")
  else()
    set(${result} "ssm has no component '${component}': there are cpu, io and text." PARENT_SCOPE)
    return()
  endif()
  if(NOT found)
    set(${result} "ssm::${component} needs ${needs}, which was not found: install it, or name its prefix in CMAKE_PREFIX_PATH." PARENT_SCOPE)
  endif()
endfunction()
