#!/usr/bin/env bash
# Runs graphs.py in a Python environment of its own: graphs.sh BUILD [arguments]. With --check it runs the stored graphs
# instead, which needs no Python; graphs.txt lists them. They were stored by `--count 215 --seed 777 --keep 200
# tests/fuzz/graphs.tar.xz`.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
shift
work=$out/fuzz-graphs
export XDG_CACHE_HOME=$PWD/build/cache
mkdir -p "$work"
if [ "${1:-}" = --check ]; then
	if ! command -v "${CC:-cc}" >/dev/null; then
		echo "skipped: fuzz-graphs: no C compiler"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	rm -rf "$work/stored"
	mkdir -p "$work/stored"
	if ! tar xJf tests/fuzz/graphs.tar.xz -C "$work/stored"; then
		echo "skipped: fuzz-graphs: tests/fuzz/graphs.tar.xz cannot be unpacked here"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	exec "$out/conformance" --data "$work/stored/data" --work "$work" --list tests/fuzz/graphs.txt --rtol 1e-4 --atol 1e-5 --jobs 1
fi
environment=build/ort
if ! "$environment/bin/python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnx onnxruntime numpy
fi
exec "$environment/bin/python" tests/fuzz/graphs.py --erc "$out" --work "$work" "$@"
