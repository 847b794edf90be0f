#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Measures the CUDA backend on this machine and writes the figures to tests/gpu/last_run.json. Needs a GPU with 24 GB, a
# CUDA toolkit and no network. With names of parts (scan, decode, batch, prefill, f32, long), prints these and writes
# nothing.
#
#   scripts/bench_cuda.sh [<part>...]
#   SSM_CUDA_BUILD=<folder> scripts/bench_cuda.sh    with the cuda_bench that lies there
#
# After SSM_BENCH_SECONDS (an hour, unless set) it is cut off, and what it had measured by then is written.
set -eu
cd "$(dirname "$0")/.."

if [ -n "${SSM_CUDA_BUILD:-}" ]; then
    program=$SSM_CUDA_BUILD/cuda_bench
else
    cmake --preset cuda
    cmake --build --preset cuda --target cuda_bench
    program=build/cuda/benchmarks/cuda_bench
fi

[ $# -eq 0 ] || exec "$program" - "$@"
report=$(mktemp)
trap 'rm -f "$report" "$report.new"' EXIT
status=0
timeout "${SSM_BENCH_SECONDS:-3600}" "$program" "$report" || status=$?
[ ! -s "$report" ] || tests/gpu/record.py figures "$report" "$status"
exit "$status"
