#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Runs the GPU tests on this machine, then the small ones under compute-sanitizer, and writes the result to
# tests/gpu/last_run.json. Needs a GPU, a CUDA toolkit and no network.
#
#   scripts/test_cuda.sh
#   SSM_CUDA_BUILD=<folder> scripts/test_cuda.sh    with the test_gpu, ssm-generate, ssm-bench and 04_embed_cuda that lie
#                                                   there, built elsewhere for this path
set -eu
cd "$(dirname "$0")/.."

if [ -n "${SSM_CUDA_BUILD:-}" ]; then
    program=$SSM_CUDA_BUILD/test_gpu
    export SSM_PROGRAMS="$SSM_CUDA_BUILD"
else
    cmake --preset cuda
    cmake --build --preset cuda --target test_gpu
    program=build/cuda/tests/gpu/test_gpu
fi

report=$(mktemp)
trap 'rm -f "$report"' EXIT
status=0
# Catch2 2 knows one reporter a run.
"$program" --reporter junit --out "$report" || status=$?

sanitizers=
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
        echo "== compute-sanitizer: $tool"
        found=0
        without=
        # What racecheck says of its barriers is judged in selective_tiles.cuh.
        [ "$tool" != racecheck ] || without='--kernel-name-exclude kernel_substring=selective_scan_kernel'
        # shellcheck disable=SC2086
        compute-sanitizer --tool "$tool" $without --error-exitcode 1 "$program" '[small]' || found=$?
        sanitizers="$sanitizers $tool=$found"
        [ "$found" -eq 0 ] || status=1
    done
else
    echo "test_cuda: compute-sanitizer was not found, so nothing ran under it" >&2
fi

# shellcheck disable=SC2086
tests/gpu/record.py tests "$report" $sanitizers
exit "$status"
