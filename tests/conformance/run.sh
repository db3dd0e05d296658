#!/usr/bin/env bash
# Finds ONNX's backend suite and runs the conformance program on it.
#   run.sh BUILD            everything; MATCH='glob', UPDATE=1 rewrites passing.txt
#                           TARGET=emulated:sm_90 compiles the cases for another target; DEVICE=cuda: runs them there
#   run.sh BUILD --check the cases in passing.txt; CONFORMANCE_EVERY=N takes every n-th; without those for which TARGET
#   has no kernel
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
work=$out/conformance.d${TARGET:+-${TARGET//:/-}}${DEVICE:+-$DEVICE}
list=tests/conformance/passing.txt
archive=${ERC_TESTDATA:-../shared}/conformance/onnx-1.23-backend-tests.tar.xz
debian=/usr/share/libonnx-testdata/data
mkdir -p "$work"
export XDG_CACHE_HOME=$PWD/build/cache

if [ -d "$out/suite/data" ]; then # in a bundle
	data=$out/suite/data
elif [ -f "$archive" ]; then
	# Extracted once; the folder's name has the hash of the archive.
	suite=build/suite-$(cksum <"$archive" | cut -d' ' -f1)
	if [ ! -d "$suite" ]; then
		part=$(mktemp -d build/suite.XXXXXX)
		tar xJf "$archive" -C "$part" && mv "$part" "$suite" || exit 1
	fi
	data=$suite/data
elif [ -d "$debian" ]; then
	data=$debian
	list=tests/conformance/passing-debian.txt
	echo "using the older suite of Debian's libonnx-testdata: its counts are its own"
else
	count=$(grep -vc '^#' $list 2>/dev/null || true)
	echo "skipped: conformance: ${count:-0} cases, since neither ERC_TESTDATA (ONNX's suite) nor libonnx-testdata is here"
	echo "0 passed, 0 failed, $((${count:-0} ? count : 1)) skipped"
	exit 0
fi

arguments=(--target "${TARGET:-native}" --batch "${CONFORMANCE_BATCH:-1}" --limit "${CONFORMANCE_LIMIT_S:-60}")
[ -n "${DEVICE:-}" ] && arguments+=(--device "$DEVICE" --workers 0)
if [ "${2:-}" = --check ]; then
	if [ ! -f "$list" ]; then
		echo "skipped: conformance: there is no $list"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	exec "$out/conformance" --data "$data" --work "$work" --list "$list" --every "${CONFORMANCE_EVERY:-1}" --jobs "${CONFORMANCE_JOBS:-1}" "${arguments[@]}"
fi
[ -n "${MATCH:-}" ] && arguments+=(--match "$MATCH")
[ -n "${UPDATE:-}" ] && arguments+=(--write-list "$list")
exec "$out/conformance" --data "$data" --work "$work" --jobs "${CONFORMANCE_JOBS:-2}" "${arguments[@]}"
