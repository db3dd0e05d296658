#!/usr/bin/env bash
# make fuzz-ranges: ranges.py on the newest archive of the backend suite (ERC_TESTDATA). Usage: ranges.sh BUILD [OPTION...]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
shift
archive=$(ls "${ERC_TESTDATA:-../shared}"/conformance/*.tar.xz | tail -n 1)
wheel=$(tools/python/wheel.sh "$out")
build/python/bin/pip install --quiet --no-deps --force-reinstall "$wheel"
exec build/python/bin/python tests/fuzz/ranges.py "$archive" "$@"
