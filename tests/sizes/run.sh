#!/usr/bin/env bash
# Graphs whose shapes depend on data: compiled, run, and compared with the outputs of ONNX Runtime, which are in the
# archive. run.sh BUILD; --make writes the archive anew (Python). --probe tries all operators of ONNX's suite with such dims in
# each position, prints what is refused, and runs what is taken (Python, ERC_TESTDATA; minutes).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
work=$out/sizes.d
archive=tests/sizes/cases.tar.xz
export XDG_CACHE_HOME=$PWD/build/cache
if [ "${2:-}" = --make ] || [ "${2:-}" = --probe ]; then
	environment=build/ort
	if ! "$environment/bin/python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null; then
		python3 -m venv "$environment"
		"$environment/bin/pip" install --quiet onnx onnxruntime numpy
	fi
	[ "$2" = --make ] && exec "$environment/bin/python" tests/sizes/cases.py "$archive"
	rm -rf "$out/probe.d"
	mkdir -p "$out/probe.d/suite" "$out/probe.d/run"
	tar xJf "${ERC_TESTDATA:-../shared}/conformance/onnx-1.23-backend-tests.tar.xz" -C "$out/probe.d/suite" || exit 1
	"$environment/bin/python" tests/sizes/probe.py "$out/erc" "$out/probe.d/suite/data" tests/conformance/passing.txt "$out/probe.d" || exit 1
	exec "$out/conformance" --data "$out/probe.d/data" --work "$out/probe.d/run" --list "$out/probe.d/list.txt" --unpinned --rtol 1e-3 \
		--atol 1e-5 --jobs 2
fi
if ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: sizes: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
rm -rf "$work"
mkdir -p "$work"
tar xJf "$archive" -C "$work" || exit 1
find "$work/data/sizes" -mindepth 1 -maxdepth 1 -printf 'sizes/%f\n' | sort >"$work/list.txt"
exec "$out/conformance" --data "$work/data" --work "$work" --list "$work/list.txt" --unpinned --rtol 1e-4 --atol 1e-5 --jobs 1
