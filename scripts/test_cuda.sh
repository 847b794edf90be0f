#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Runs the GPU tests on this machine, then the small ones under compute-sanitizer, and writes the result to
# tests/gpu/last_run.json. Needs a GPU, a CUDA toolkit and no network.
#
#   scripts/test_cuda.sh
#   SSM_CUDA_BUILD=<folder> scripts/test_cuda.sh    with the test_gpu, ssm-generate, ssm-bench and 04_embed_cuda that lie
#                                                   there, built elsewhere for this path
#
# Under a sanitizer a case has a process of its own, SSM_SANITIZER_JOBS of them at a time (a core each, unless set). What
# is not done SSM_SANITIZER_SECONDS after the first began (an hour, unless set) is cut off, and the record says so.
# racecheck leaves out the cases tagged [long], all kernels but this library's, and the one that selective_tiles.cuh speaks
# of. Needs the xargs and the timeout of GNU.
# SSM_CUDA_LOGS keeps what the cases said, a file each, in that folder.
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

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
logs=${SSM_CUDA_LOGS:-$made}
mkdir -p "$logs"
rm -f "$logs/junit.xml" "$logs/sanitizers.txt"
status=0
# Catch2 2 knows one reporter a run.
"$program" --reporter junit --out "$logs/junit.xml" || status=$?

# Says "<tool> <exit status> <seconds> <case>" of a case under a tool: 124 for what was cut off.
cat >"$made/one" <<'ONE'
tool=$1 case=$2 begun=$(date +%s)
[ "$tool" != racecheck ] ||
    only='--kernel-name kernel_substring=cuda_kernels --kernel-name-exclude kernel_substring=selective_scan_kernel'
found=124
[ "$begun" -ge "$END" ] || {
    found=0
    # A comma separates names, unless escaped.
    timeout -k 5 "$((END - begun))" compute-sanitizer --tool "$tool" ${only:-} --error-exitcode 1 "$PROGRAM" \
        "$(printf %s "$case" | sed 's/,/\\,/g')" >"$LOGS/$tool $(printf %s "$case" | tr -c '[:alnum:]\n' _).log" 2>&1 ||
        found=$?
}
echo "$tool $found $(($(date +%s) - begun)) $case"
ONE

if command -v compute-sanitizer >/dev/null; then
    # Each case under each tool, the slowest tool first. The first option is that of Catch2 2, whose status is the number of
    # cases; the second that of Catch2 3.
    for tool in racecheck memcheck initcheck; do
        cases='[small]'
        [ "$tool" != racecheck ] || cases='[small]~[long]'
        "$program" --list-test-names-only "$cases" >"$made/cases" || true
        [ -s "$made/cases" ] || "$program" --list-tests --verbosity quiet "$cases" >"$made/cases"
        while read -r case; do printf '%s\n%s\n' "$tool" "$case"; done <"$made/cases"
    done >"$made/work"
    export PROGRAM="$program" LOGS="$logs" END="$(($(date +%s) + ${SSM_SANITIZER_SECONDS:-3600}))"
    xargs -d '\n' -n 2 -P "${SSM_SANITIZER_JOBS:-$(nproc)}" sh "$made/one" <"$made/work" | tee "$logs/sanitizers.txt"
    # There are cases, and each has to have said that it was clean.
    expected=$(($(wc -l <"$made/work") / 2))
    clean=$(grep -c '^[a-z]* 0 ' "$logs/sanitizers.txt") || true
    [ "$expected" -gt 0 ] && [ "$clean" -eq "$expected" ] || status=1
else
    echo "test_cuda: compute-sanitizer was not found, so nothing ran under it" >&2
fi

tests/gpu/record.py tests "$logs/junit.xml" "$logs/sanitizers.txt"
exit "$status"
