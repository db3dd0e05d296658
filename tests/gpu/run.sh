#!/usr/bin/env bash
# The entry of the GPU bundle (make gpu-bundle):
#   ./run.sh check            correctness on the GPU (tests/gpu/check.sh)
#   ./run.sh bench            figures (tests/gpu/bench.sh)
# PARTS="..." picks parts of either, RESULTS=DIR says where the JSON goes (default: results/), LIMIT_S ends a bench in time,
# GPU=stub rehearses without a GPU (that needs a C compiler: kernels are emulated on the CPU).
set -uo pipefail
cd "$(dirname "$0")" || exit 1
case ${1:-} in
check | bench) ;;
*)
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
# Kernels that were built are kept here, and ONNX's suite is looked for here.
export XDG_CACHE_HOME=$PWD/build/cache ERC_TESTDATA=${ERC_TESTDATA:-$PWD/testdata}
[ "${GPU:-}" = stub ] || export RESULTS=${RESULTS:-$PWD/results}
mkdir -p build/cache
if ! command -v "${CC:-cc}" >/dev/null 2>&1; then
	echo "run.sh: no C compiler: what needs one (CPU kernels, emulated GPU kernels) is skipped"
fi
exec "tests/gpu/$1.sh" bin
