#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Measures a whole model on the CPU in every dtype, each run beside the machine's limits, and plots the shares of them:
#   scripts/bench_cpu.sh <folder for the results> [<ssm-bench option>...]
# Without options: the shape h2048, prompts of 512, one and two threads. SSM_BENCH names another ssm-bench.
set -eu
cd "$(dirname "$0")/.."

out=${1:?"usage: scripts/bench_cpu.sh <folder> [<ssm-bench option>...]"}
shift
if [ $# -eq 0 ]; then
    set -- --synthetic h2048 --prompt 512 --decode 32 --repeat 5 --threads 1,2
fi
bench=${SSM_BENCH:-build/release/tools/ssm-bench}
mkdir -p "$out"

run() {
    name=$1
    shift
    echo "== $name" >&2
    "$bench" "$@" --format json >"$out/$name.json"
}
run f32 "$@" --dtype f32
run bf16 "$@" --dtype bf16
run bf16-narrow "$@" --dtype bf16 --narrow
run q8 "$@" --dtype q8
run q4 "$@" --dtype q4
python3 scripts/plot_cpu.py "$out" >"$out/cpu.svg"
