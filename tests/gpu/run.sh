#!/usr/bin/env bash
# The entry point of the GPU bundle (make gpu-bundle):
#   ./run.sh check            correctness on the GPU (tests/gpu/check.sh)
#   ./run.sh bench            figures (tests/gpu/bench.sh)
# PARTS="..." selects parts of either, RESULTS=DIR is the folder for the JSON (default: results/), LIMIT_S limits the
# seconds of a bench, GPU=stub rehearses without a GPU (this needs a C compiler: kernels are emulated on the CPU).
set -uo pipefail
cd "$(dirname "$0")" || exit 1
case ${1:-} in
check | bench) ;;
*)
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
# The kernel cache and ONNX's suite are in this folder.
export XDG_CACHE_HOME=$PWD/build/cache ERC_TESTDATA=${ERC_TESTDATA:-$PWD/testdata}
[ "${GPU:-}" = stub ] || export RESULTS=${RESULTS:-$PWD/results}
mkdir -p build/cache
if ! command -v "${CC:-cc}" >/dev/null 2>&1; then
	echo "run.sh: no C compiler: what needs one (CPU kernels, emulated GPU kernels) is skipped"
fi
exec "tests/gpu/$1.sh" bin
