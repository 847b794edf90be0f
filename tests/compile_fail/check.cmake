# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Compiles SOURCE with the command that the file COMPILE sets, and wants it refused with the sentences it expects.
cmake_minimum_required(VERSION 3.25)
include(${COMPILE})

file(STRINGS ${SOURCE} expected REGEX "^// expect: ")
if(NOT expected)
  message(FATAL_ERROR "${SOURCE} states no sentence: write a line '// expect: <sentence>'.")
endif()

execute_process(COMMAND ${compile} ${SOURCE} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, but should not.")
endif()

foreach(line IN LISTS expected)
  string(REPLACE "// expect: " "" sentence "${line}")
  string(FIND "${output}" "${sentence}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "The compiler did not say '${sentence}' of ${SOURCE}, but:\n${output}")
  endif()
endforeach()
