#!/usr/bin/env bash
# Runs graphs.py in a Python environment of its own: graphs.sh BUILD [arguments]. With --check it runs the stored graphs
# instead, which needs no Python; graphs.txt lists them. README.md says how they were stored.
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
	# check KIND RTOL ATOL: the limits of graphs_explained.py
	check() {
		grep "^$1/" tests/fuzz/graphs.txt >"$work/$1.txt"
		"$out/conformance" --data "$work/stored/data" --work "$work" --list "$work/$1.txt" --rtol "$2" --atol "$3" --jobs 1 || true
	}
	(check fuzz 1e-4 1e-5 && check half 0.0078125 0.0078125) | awk '
		/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5; parts++; next }
		{ print }
		END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed || parts != 2 }'
	exit
fi
environment=build/ort
if ! "$environment/bin/python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnx onnxruntime numpy
fi
exec "$environment/bin/python" tests/fuzz/graphs.py --erc "$out" --work "$work" "$@"
