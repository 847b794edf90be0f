#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Formats every C++ and CUDA file of the project in place; with --check, changes nothing and names those it would change.
set -eu
cd "$(dirname "$0")/.."

sources() {
    find include tests examples benchmarks tools -type f \
        \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' \) | sort
}

if [ "${1:-}" != --check ]; then
    sources | xargs clang-format -i --style=file
    exit
fi

unformatted=$(sources | while read -r file; do
    clang-format --dry-run --Werror --style=file "$file" 2>/dev/null || echo "  $file"
done)
if [ -n "$unformatted" ]; then
    echo "format: run scripts/format.sh, for these are not formatted:" >&2
    echo "$unformatted" >&2
    exit 1
fi
