#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Formats every C++ and CUDA file of the project in place; with --check, changes nothing and fails if it would.
set -eu
cd "$(dirname "$0")/.."

mode=-i
if [ "${1:-}" = --check ]; then
    mode='--dry-run --Werror'
fi

find include tests examples benchmarks tools -type f \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' \) -print0 |
    xargs -0 clang-format $mode --style=file
