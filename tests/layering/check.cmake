# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Fails when a header under INCLUDE_DIR includes what its layer must not see:
#   cmake -D INCLUDE_DIR=<folder that holds ssm/> -P check.cmake
cmake_minimum_required(VERSION 3.25)

set(below_model core math policy backend)

# What each layer may include of ssm, beside itself ...
set(may_see_core "")
set(may_see_math core)
set(may_see_policy core math)
set(may_see_backend core math policy)
set(may_see_backend/cpu ${below_model})
set(may_see_backend/cuda ${below_model})
set(may_see_io core)
set(may_see_text core io)
set(may_see_model ${below_model})
set(may_see_generate ${below_model} model)
set(may_see_testing ${below_model} model generate)
set(may_see_. ${below_model} model generate)  # ssm.hpp: everything that needs the standard library only
set(may_see_ssm_cuda.cuh . backend/cuda)

# ... and of others, beside the standard library.
set(others_backend/cpu "^Eigen/|^immintrin\\.h$|^sys/mman\\.h$")
set(others_backend/cuda "^cub/|^cuda|^cublas|^mma\\.h$")
set(others_io "^nlohmann/|^(fcntl|unistd)\\.h$|^sys/")
set(others_text "^pcre2\\.h$")

function(violation file sentence)
  message(SEND_ERROR "ssm/${file}: ${sentence}")
endfunction()

# The layer a path below ssm/ belongs to: its folder, or itself for the header over all of CUDA.
function(layer_of path result)
  cmake_path(GET path PARENT_PATH layer)
  if(path STREQUAL "ssm_cuda.cuh")
    set(layer ${path})
  elseif(layer STREQUAL "")
    set(layer ".")
  endif()
  set(${result} ${layer} PARENT_SCOPE)
endfunction()

function(check_include file layer included)
  if(included MATCHES "^ssm/(.+)$")
    layer_of(${CMAKE_MATCH_1} target)
    if(NOT target STREQUAL layer AND NOT target IN_LIST may_see_${layer})
      violation(${file} "<${included}> is not below this layer, which sees: ${may_see_${layer}}")
    endif()
  elseif(NOT included MATCHES "^[a-z_0-9]+$" AND NOT (others_${layer} AND included MATCHES "${others_${layer}}"))
    violation(${file} "<${included}> does not belong in this layer: move the code, or reach it through a lower layer")
  endif()
endfunction()

file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR}/ssm ${INCLUDE_DIR}/ssm/*.hpp ${INCLUDE_DIR}/ssm/*.cuh)
if(NOT headers)
  message(FATAL_ERROR "There are no headers under ${INCLUDE_DIR}/ssm.")
endif()
foreach(file IN LISTS headers)
  layer_of(${file} layer)
  if(NOT DEFINED may_see_${layer})
    violation(${file} "the folder ${layer} is no layer: give it a row in tests/layering/check.cmake")
    continue()
  endif()

  file(STRINGS ${INCLUDE_DIR}/ssm/${file} lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line IN LISTS lines)
    if(line MATCHES "<([^>]+)>")
      check_include(${file} ${layer} ${CMAKE_MATCH_1})
    else()
      violation(${file} "'${line}' is not written as <...>")
    endif()
  endforeach()

  # A class body that depends on the compiler is two classes of one name.
  file(STRINGS ${INCLUDE_DIR}/ssm/${file} lines REGEX "^[ \t]*#.*__CUDACC__")
  if(lines AND NOT file STREQUAL "core/config.hpp")
    violation(${file} "only core/config.hpp may test __CUDACC__")
  endif()
endforeach()
