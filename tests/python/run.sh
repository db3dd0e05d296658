#!/usr/bin/env bash
# make check-python: tests of the Python package, installed from its wheel. Usage: run.sh BUILD [unittest name...].
# Without Python or PyPI they are skipped.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
shift
export XDG_CACHE_HOME=$PWD/build/cache

case $out in
*/asan | */tsan) # their runtime library would have to be in the Python program
	echo "skipped: python: the Python package, in builds without a sanitizer only"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
	;;
esac
wheel=$(tools/python/wheel.sh "$out")
case $? in
0) ;;
3)
	echo "skipped: python: Python with venv, or PyPI, is not here"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
	;;
*)
	echo "FAIL: the wheel was not built"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
	;;
esac
build/python/bin/pip install --quiet --no-deps --force-reinstall "$wheel" || exit 1
exec build/python/bin/python tests/python/main.py "$out" "$wheel" "$@"
