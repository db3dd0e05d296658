#!/usr/bin/env bash
# Tests on a GPU: check.sh DIR, where DIR is a build (`make check-gpu`) or an unpacked bundle (`make gpu-bundle`).
# Prints one table and writes gpu-check.json after every step, so that an interrupted run keeps its results.
#   PARTS="devices errors"   only these; the parts of earlier runs stay in the JSON
#   GPU=stub                 the same on the stand-in for CUDA, with emulated kernels: a rehearsal
#   SHORT=1                  a small part of each, for `make check`
#   RESULTS=FOLDER           folder of the JSON (tests/bench/results; for a rehearsal: DIR)
#   MODELS="resnet50 lstm"   only these networks (of the model maker; NAME:SIZE for smaller inputs)
#   JOBS, SANITIZER          cases at a time (all cores); the tool (compute-sanitizer)
set -uo pipefail
dir=$(cd "${1:?usage: check.sh DIR}" && pwd) || exit 1
cd "$(dirname "$0")/../.." || exit 1
. tests/gpu/check_library.sh
. tests/gpu/check_parts.sh
find_gpu || exit 1
echo "$device, $target, driver $driver, revision $revision"
for part in ${PARTS:-devices errors ops models preempt sanitize}; do
	begin_part
	if [ "$(type -t "part_$part")" = function ]; then
		"part_$part"
	else
		count "$part" 0 1 0 0 "there is no such part; there are $all_parts"
	fi
	end_part
done
print_table
