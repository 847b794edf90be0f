#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Installs the Debian packages that the project needs and this machine lacks.
#
#   scripts/setup.sh          to build and run the programs
#   scripts/setup.sh tests    to run the tests as well
set -eu

packages="g++ cmake ninja-build
    libeigen3-dev nlohmann-json3-dev libpcre2-dev libcli11-dev"
if [ "${1:-}" = tests ]; then
    packages="$packages catch2 libbenchmark-dev clang libclang-rt-dev clang-format"
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: this needs apt-get, or these packages by other means:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: run as root, or install these packages first:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "== Installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# An old list of packages names files that are gone.
for step in "update" "install --yes --no-install-recommends $missing"; do
    # shellcheck disable=SC2086
    if ! $as_root apt-get -qq $step >"$log" 2>&1; then
        cat "$log" >&2
        echo "setup: apt-get $step failed" >&2
        exit 1
    fi
done
