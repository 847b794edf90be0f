# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Proves that check.cmake catches each kind of violation, and lets pass what is allowed:
#   cmake -D CHECK=<check.cmake> -D SCRATCH_DIR=<folder to plant in> -P planted.cmake
cmake_minimum_required(VERSION 3.25)

function(check_planted file line result output)
  file(REMOVE_RECURSE ${SCRATCH_DIR})
  file(WRITE ${SCRATCH_DIR}/ssm/${file} "#pragma once\n${line}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -D INCLUDE_DIR=${SCRATCH_DIR} -P ${CHECK}
    RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${result} ${status} PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

function(expect_caught file line)
  check_planted(${file} "${line}" status output)
  string(FIND "${output}" "ssm/${file}" named)
  if(status EQUAL 0 OR named EQUAL -1)
    message(SEND_ERROR "'${line}' in ${file} was not caught:\n${output}")
  endif()
endfunction()

function(expect_allowed file line)
  check_planted(${file} "${line}" status output)
  if(NOT status EQUAL 0)
    message(SEND_ERROR "'${line}' in ${file} is allowed, but was refused:\n${output}")
  endif()
endfunction()

expect_caught(core/a.hpp "#include <ssm/math/affine.hpp>")
expect_caught(policy/a.hpp "#  include <ssm/model/model.hpp>")
expect_caught(backend/concepts.hpp "#include <ssm/backend/cpu/cpu.hpp>")
expect_caught(io/a.hpp "#include <ssm/math/affine.hpp>")
expect_caught(text/a.hpp "#include <ssm/model/model.hpp>")
expect_caught(io/a.hpp "#include <ssm/text/tokenizer.hpp>")
expect_caught(model/a.hpp "#include <ssm/io/json.hpp>")
expect_caught(model/a.hpp "#include <ssm/generate/session.hpp>")
expect_caught(generate/a.hpp "#include <ssm/backend/cpu/cpu.hpp>")
expect_caught(ssm.hpp "#include <ssm/text/tokenizer.hpp>")
expect_caught(model/a.hpp "#include <Eigen/Core>")
expect_caught(backend/cuda/a.cuh "#include <Eigen/Core>")
expect_caught(backend/cpu/a.hpp "#include <cub/block/block_scan.cuh>")
expect_caught(backend/cpu/a.hpp "#include <cuda_runtime.h>")
expect_caught(model/a.hpp "#include <nlohmann/json.hpp>")
expect_caught(io/a.hpp "#include <pcre2.h>")
expect_caught(math/a.hpp "#include \"affine.hpp\"")
expect_caught(math/a.hpp "#if defined(__CUDACC__)")
expect_caught(elsewhere/a.hpp "#include <vector>")

expect_allowed(core/config.hpp "#if defined(__CUDACC__)")
expect_allowed(generate/a.hpp "#include <ssm/model/model.hpp>")
expect_allowed(backend/cpu/a.hpp "#include <Eigen/Core>")
expect_allowed(backend/cuda/a.cuh "#include <cub/block/block_scan.cuh>")
expect_allowed(text/a.hpp "#include <pcre2.h>")
