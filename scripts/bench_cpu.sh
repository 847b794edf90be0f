#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Measures whole models on the CPU in every dtype, each run beside the machine's limits, and plots the shares of them:
#   scripts/bench_cpu.sh <folder for the results> [<ssm-bench option>...]
# Without options: prompts of 512, one and two threads. Of the shapes in SSM_BENCH_SHAPES, "h768 h2048", each gets a folder with
# a JSON report a dtype and a plot. SSM_BENCH names another ssm-bench.
set -eu
cd "$(dirname "$0")/.."

out=${1:?"usage: scripts/bench_cpu.sh <folder> [<ssm-bench option>...]"}
shift
if [ $# -eq 0 ]; then
    set -- --prompt 512 --decode 32 --repeat 5 --threads 1,2
fi
bench=${SSM_BENCH:-build/release/tools/ssm-bench}

# Up to 3 GB, not to be left behind by an interrupt nor to stop the next run.
checkpoint=$out/checkpoint
trap 'rm -rf "$checkpoint"' EXIT
trap 'exit 130' INT TERM

run() {
    report=$1
    shift
    echo "== $report" >&2
    "$bench" "$@" --format json >"$report"
}
for shape in ${SSM_BENCH_SHAPES:-h768 h2048}; do
    mkdir -p "$out/$shape"
    run "$out/$shape/f32.json" --synthetic "$shape" "$@" --dtype f32
    run "$out/$shape/bf16.json" --synthetic "$shape" "$@" --dtype bf16
    run "$out/$shape/bf16-narrow.json" --synthetic "$shape" "$@" --dtype bf16 --narrow
    run "$out/$shape/q8.json" --synthetic "$shape" "$@" --dtype q8
    run "$out/$shape/q4.json" --synthetic "$shape" "$@" --dtype q4
    python3 scripts/plot_cpu.py "$out/$shape" >"$out/$shape/cpu.svg"
    # The peak of memory from a file: random weights in memory are a second copy of the largest tensor.
    rm -rf "$checkpoint"
    python3 scripts/random_checkpoint.py "$checkpoint" "$shape"
    for dtype in f32 bf16 q8 q4; do
        run "$out/$shape/memory-$dtype.json" "$checkpoint" --prompt 64 --decode 1 --repeat 1 --threads 1 --dtype $dtype
    done
done
