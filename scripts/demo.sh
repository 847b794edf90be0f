#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Builds ssm-generate and lets the small model in models/fairy-tiny go on from a prompt:
#
#   scripts/demo.sh "Once upon a time"
set -eu
cd "$(dirname "$0")/.."

prompt=${1:-Once upon a time}
scripts/setup.sh

run() {
    if ! "$@" >build/demo.log 2>&1; then
        cat build/demo.log >&2
        echo "demo: '$*' failed" >&2
        exit 1
    fi
}
mkdir -p build
echo "== Building ssm-generate (the first time takes a minute)" >&2
run cmake --preset release -B build/demo -D 'SSM_COMPONENTS=cpu;io;text' \
    -D SSM_BUILD_TESTS=OFF -D SSM_BUILD_EXAMPLES=OFF -D SSM_BUILD_BENCHMARKS=OFF
run cmake --build build/demo --target ssm-generate

echo "== models/fairy-tiny goes on from: $prompt" >&2
exec build/demo/tools/ssm-generate models/fairy-tiny "$prompt" --tokens 120 --temperature 0.8 --top-k 40 --seed 7
