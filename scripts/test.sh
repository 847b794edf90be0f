#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# All that a change must pass: format; clang with sanitizers and the fuzz targets; g++ and nvcc. The whole suite under g++
# comes last, so that its summary closes the output.
set -eu
cd "$(dirname "$0")/.."

started=$(date +%s)
say() {
    echo "== [$(($(date +%s) - started)) s] $*"
}

#   build <preset> [<target>...]
#
# Test files of a folder are compiled as one: what they instantiate in common is then compiled once.
build() {
    preset=$1
    shift
    say "Building: $preset"
    # Quiet unless it fails.
    mkdir -p build
    if ! {
        cmake --preset "$preset" -D CMAKE_UNITY_BUILD=ON -D CMAKE_UNITY_BUILD_BATCH_SIZE=0 &&
            cmake --build --preset "$preset" ${1:+--target "$@"}
    } >"build/$preset.log" 2>&1; then
        tail -n 100 "build/$preset.log"
        say "The build '$preset' failed: the whole log is build/$preset.log"
        exit 1
    fi
}

check() {
    say "Testing: $*"
    preset=$1
    shift
    ctest --preset "$preset" --quiet -O "build/$preset-tests.log" "$@" || {
        cat "build/$preset-tests.log"
        say "The tests of '$preset' failed"
        exit 1
    }
    grep 'tests passed' "build/$preset-tests.log"
}

scripts/setup.sh tests
say "Checking the format"
scripts/format.sh --check

# With clang, and the fuzz targets.
build asan-ubsan
check asan-ubsan
# The layers that run threads.
build tsan test_backend test_model test_generate test_conformance
check tsan --label-regex '^(backend|model|generate|conformance)$'

build dev
say "Testing: dev"
ctest --preset dev
