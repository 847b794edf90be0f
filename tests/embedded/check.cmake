# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Wants OBJECT to need nothing but the mathematics and memory functions of a C library, and SYMBOLS; reports its size.
#   cmake -D OBJECT=<object file> -D NM=<nm> -D SIZE=<size> [-D SYMBOLS=<regular expression>] -P check.cmake
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} -u ${OBJECT} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "U [^\n]+" lines "${output}")
if(NOT lines)
  message(FATAL_ERROR "${OBJECT} needs nothing at all: has the format of nm changed?\n${output}")
endif()
foreach(line IN LISTS lines)
  string(SUBSTRING "${line}" 2 -1 symbol)
  if(NOT symbol MATCHES "^(expf|log1pf|sqrtf|memcpy|memmove|memset|_GLOBAL_OFFSET_TABLE_|${SYMBOLS})$")
    message(SEND_ERROR "${OBJECT} needs ${symbol}, which a target without a heap, exceptions and RTTI need not have.")
  endif()
endforeach()

execute_process(COMMAND ${SIZE} ${OBJECT} OUTPUT_VARIABLE sizes COMMAND_ERROR_IS_FATAL ANY)
message(STATUS "Bytes of code (text), and of state and scratch (bss):\n${sizes}")
