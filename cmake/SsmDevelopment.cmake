# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# How this project compiles its own programs: tests, examples, benchmarks, tools. Nothing here reaches a consumer.
foreach(component cpu io text)
  if(NOT TARGET ssm::${component})
    message(FATAL_ERROR "Tests, examples, benchmarks and tools need ssm::${component}: add it to SSM_COMPONENTS.")
  endif()
endforeach()

set(CMAKE_CXX_EXTENSIONS OFF)
if(TARGET ssm::cuda)
  # Tuned for Hopper; any list from 80 on is possible.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90)
  endif()
  enable_language(CUDA)
  # Kernels of a build for debugging are made to be compiled, not to be run fast: a third of the time. The tests of the GPU
  # hold those of the other programs; these stop at PTX, which the driver translates where they are run.
  set(SSM_TESTED_CUDA_ARCHITECTURES ${CMAKE_CUDA_ARCHITECTURES})
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.9)
      string(APPEND CMAKE_CUDA_FLAGS_DEBUG " --Ofast-compile=max")
    endif()
    list(TRANSFORM CMAKE_CUDA_ARCHITECTURES REPLACE "^[0-9]+[a-z]?$" "\\0-virtual")
  endif()
endif()
find_program(SSM_CCACHE ccache)
mark_as_advanced(SSM_CCACHE)
if(SSM_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SSM_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${SSM_CCACHE})
endif()

add_library(ssm_warnings INTERFACE)
target_compile_options(ssm_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wsign-conversion;-Wshadow>)
if(NOT SSM_SANITIZE OR CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # The code of g++'s sanitizers sets off warnings that the builds without them do not give.
  target_compile_options(ssm_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 takes its own AVX-512 intrinsics for uses of uninitialised variables (GCC bug 105593); clang still looks.
  target_compile_options(ssm_warnings INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()

# CMake 3.25 does not know that nvcc speaks C++20.
target_compile_options(ssm_warnings INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--Werror=all-warnings>)

add_library(ssm_development INTERFACE)
target_link_libraries(ssm_development INTERFACE ssm_warnings)
if(SSM_NATIVE)
  target_compile_options(ssm_development INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()
if(SSM_SANITIZE)
  set(sanitizers -fsanitize=${SSM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(ssm_development INTERFACE ${sanitizers})
  target_link_options(ssm_development INTERFACE ${sanitizers})
endif()

# One look for each development dependency, with the Debian package in the message when it is missing.
macro(ssm_require package debian)
  find_package(${package} QUIET GLOBAL ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} was not found: install ${debian} (Debian), or run scripts/setup.sh.")
  endif()
endmacro()

#   ssm_add_program(<name> SOURCES <file>... [LIBRARIES <target>...])
function(ssm_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ssm::ssm ${arg_LIBRARIES} ssm_development)
endfunction()

# Examples and tools include the same headers. With sanitizers these are read once for all of them; the other builds read
# them for each, and see what one of them forgets to include.
if(SSM_SANITIZE)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/program_headers.cpp CONTENT "")
  add_library(ssm_program_headers OBJECT ${PROJECT_BINARY_DIR}/program_headers.cpp)
  target_link_libraries(ssm_program_headers PRIVATE ssm::cpu ssm::text ssm_development)
  target_precompile_headers(ssm_program_headers PRIVATE
    <ssm/ssm.hpp> <ssm/backend/cpu/cpu.hpp> <ssm/io/checkpoint.hpp> <ssm/text/tokenizer.hpp>)
endif()

function(ssm_share_headers name)
  if(SSM_SANITIZE)
    target_precompile_headers(${name} REUSE_FROM ssm_program_headers)
  endif()
endfunction()

# The executable test_<layer>, each of its test cases known to ctest and labelled <layer>.
#
#   ssm_add_test(<layer> SOURCES <file>... [LIBRARIES <target>...])
function(ssm_add_test layer)
  ssm_add_program(test_${layer} ${ARGN})
  target_link_libraries(test_${layer} PRIVATE ssm_test_support)
  target_precompile_headers(test_${layer} REUSE_FROM ssm_test_pch)
  catch_discover_tests(test_${layer} TEST_PREFIX "${layer}/" ${ssm_catch_arguments} PROPERTIES LABELS ${layer} TIMEOUT 300)
endfunction()

# A program that ctest runs for its exit status, such as an example.
#
#   ssm_add_example(<name> SOURCES <file>... [LIBRARIES <target>...] [ARGUMENTS <argument>...])
function(ssm_add_example name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES;ARGUMENTS")
  ssm_add_program(${name} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES})
  ssm_share_headers(${name})
  if(SSM_BUILD_TESTS)
    add_test(NAME example/${name} COMMAND ${name} ${arg_ARGUMENTS})
    set_tests_properties(example/${name} PROPERTIES LABELS example)
  endif()
endfunction()

# A program that is installed.
#
#   ssm_add_tool(<name> SOURCES <file>... [LIBRARIES <target>...])
function(ssm_add_tool name)
  ssm_add_program(${name} ${ARGN})
  ssm_share_headers(${name})
  if(SSM_INSTALL)
    install(TARGETS ${name} OPTIONAL)  # for those who built the library's tests only
  endif()
endfunction()

# A Google Benchmark program; benchmark_main is linked.
#
#   ssm_add_benchmark(<name> SOURCES <file>... [LIBRARIES <target>...])
function(ssm_add_benchmark name)
  ssm_add_program(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE benchmark::benchmark_main)
endfunction()

# A libFuzzer program. ctest runs it for SSM_FUZZ_SECONDS from the committed corpus; what it finds stays in the build tree.
#
#   ssm_add_fuzzer(<name> <source> <corpus folder> [LIBRARIES <target>...])
set(SSM_FUZZ_SECONDS 12 CACHE STRING "How long ctest runs each fuzz target")
function(ssm_add_fuzzer name source corpus)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "LIBRARIES")
  set(program fuzz_${name})
  ssm_add_program(${program} SOURCES ${source} LIBRARIES ${arg_LIBRARIES})
  target_compile_options(${program} PRIVATE -fsanitize=fuzzer)
  target_link_options(${program} PRIVATE -fsanitize=fuzzer)

  # libFuzzer writes to the first folder and only reads the others.
  set(found ${CMAKE_CURRENT_BINARY_DIR}/${name})
  file(MAKE_DIRECTORY ${found})
  cmake_path(ABSOLUTE_PATH corpus)
  add_test(NAME fuzz/${name} COMMAND ${program}
    -max_total_time=${SSM_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
    -artifact_prefix=${found}- ${found} ${corpus})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz)
endfunction()
