# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Read by the build and by the installed package alike.

#   ssm_components_needed(<result> [<component>...])
#
# sets <result> to the components named and those they stand on, each after what it stands on.
function(ssm_components_needed result)
  set(needed ${ARGN})
  if("text" IN_LIST needed)
    list(PREPEND needed io)
    list(REMOVE_DUPLICATES needed)
  endif()
  set(${result} ${needed} PARENT_SCOPE)
endfunction()

# Finds what a component stands on outside this project.
#
#   ssm_find_dependencies(<component> <result> [GLOBAL])
#
# sets <result> to a sentence that says what is missing and how to get it, or to nothing. GLOBAL makes the found targets
# visible to the project that includes ssm as a subdirectory.
function(ssm_find_dependencies component result)
  list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  set(missing "")
  if(component STREQUAL "cpu")
    find_package(Eigen3 3.4 QUIET NO_MODULE ${ARGN})
    find_package(Threads QUIET ${ARGN})
    if(NOT Eigen3_FOUND)
      list(APPEND missing "Eigen 3.4 (Debian: libeigen3-dev)")
    endif()
    if(NOT Threads_FOUND)
      list(APPEND missing "a thread library")
    endif()
  elseif(component STREQUAL "io")
    find_package(nlohmann_json 3.11 QUIET CONFIG ${ARGN})
    if(NOT nlohmann_json_FOUND)
      list(APPEND missing "nlohmann_json 3.11 (Debian: nlohmann-json3-dev)")
    endif()
  elseif(component STREQUAL "text")
    find_package(PCRE2 10.30 QUIET MODULE ${ARGN})
    if(NOT PCRE2_FOUND)
      list(APPEND missing "8-bit PCRE2 10.30 (Debian: libpcre2-dev)")
    endif()
  elseif(component STREQUAL "cuda")
    find_package(CUDAToolkit 12.3 QUIET ${ARGN})
    if(NOT CUDAToolkit_FOUND OR NOT TARGET CUDA::cublasLt)
      list(APPEND missing "the CUDA toolkit 12.3 with cuBLASLt")
    endif()
  else()
    list(APPEND missing "another name: the components of ssm are cpu, cuda, io and text")
  endif()

  if(missing)
    list(JOIN missing " and " missing)
    set(missing "ssm::${component} needs ${missing}.\n")
  endif()
  set(${result} "${missing}" PARENT_SCOPE)
endfunction()

#   ssm_components_found(<result> <component>...)
#
# sets <result> to those of the components whose dependencies are here, and says which are left out and why.
function(ssm_components_found result)
  set(found "")
  foreach(component IN LISTS ARGN)
    set(all_missing "")
    ssm_components_needed(needed ${component})
    foreach(need IN LISTS needed)
      ssm_find_dependencies(${need} missing)
      string(APPEND all_missing "${missing}")
    endforeach()
    if(all_missing)
      message(STATUS "ssm::${component} is left out: ${all_missing}")
    else()
      list(APPEND found ${component})
    endif()
  endforeach()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()
