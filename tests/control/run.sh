#!/usr/bin/env bash
# Branches and loops whose course is known at run time only: compiled, run, and compared with ONNX Runtime, which are in the
# archive. run.sh BUILD; --make writes the archive anew (Python).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
work=$out/control.d
archive=tests/control/cases.tar.xz
export XDG_CACHE_HOME=$PWD/build/cache
if [ "${2:-}" = --make ]; then
	environment=build/ort
	if ! "$environment/bin/python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null; then
		python3 -m venv "$environment"
		"$environment/bin/pip" install --quiet onnx onnxruntime numpy
	fi
	exec "$environment/bin/python" tests/control/cases.py "$archive"
fi
if ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: control: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
rm -rf "$work"
mkdir -p "$work"
tar xJf "$archive" -C "$work" || exit 1
find "$work/data/control" -mindepth 1 -maxdepth 1 -printf 'control/%f\n' | sort >"$work/list.txt"
exec "$out/conformance" --data "$work/data" --work "$work" --list "$work/list.txt" --unpinned --rtol 1e-4 --atol 1e-5 --jobs 1
