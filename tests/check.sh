#!/usr/bin/env bash
# Runs every part of `make check`, two at a time, and adds up their counts: the last line is "N passed, N failed, N
# skipped". A part's whole output is in BUILD/check/PART.log.
set -uo pipefail

out=$1
logs=$out/check
limit=${CHECK_LIMIT_S:-900} # seconds for each part
rm -rf "$logs"
mkdir -p "$logs"
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}"

# Programs that run kernels of every operator. They take minutes, and no sanitizer checks compiled kernels.
kernels='positions special special_rows sums mixed empty stored stored_ops'
# More of them, which take the thread sanitizer minutes; it sees the same threads in other programs.
more_kernels='weights extremes'
# What checks in its own way what the sanitizers check.
own_way=explore/explore
# Programs with one thread, in which the thread sanitizer can find nothing.
one_thread='ops/test_types ops/test_attributes ops/test_schema_types ops/test_gpu_tiles mutants/test_models'
one_thread+=' reader/test_onnx_files unit/test_artifact unit/test_policy'

# Of ONNX's cases, the builds with a sanitizer take every n-th. The thread sanitizer has the same threads to look at in each.
case $out in
*/asan) every=2 every_emulated=16 ;;
*/tsan) every=4 every_emulated=32 ;;
*) every=1 every_emulated=8 ;;
esac

# left_out PROGRAM: whether this build does not run it
left_out() {
	local name=${1#"$out"/tests/}
	case $out in
	*/asan) [[ " $kernels $own_way " == *" ${name#ops/test_} "* ]] ;;
	*/tsan) [[ " $kernels $more_kernels $own_way " == *" ${name#ops/test_} "* || " $one_thread " == *" $name "* ]] ;;
	*) false ;;
	esac
}

# name, then command; the longest first, so that the shorter ones run beside it
parts() {
	echo "conformance env CONFORMANCE_EVERY=$every tests/conformance/run.sh $out --check"
	echo "conformance-emulated env TARGET=emulated:sm_90 CONFORMANCE_EVERY=$every_emulated tests/conformance/run.sh $out --check"
	echo "models tests/models/run.sh $out"
	echo "real tests/models/real.sh $out"
	echo "sizes tests/sizes/run.sh $out"
	echo "control tests/control/run.sh $out"
	echo "fuzz-graphs tests/fuzz/graphs.sh $out --check"
	echo "preempt tests/models/preempt.sh $out"
	echo "entries tests/models/entries.sh $out"
	echo "python tests/python/run.sh $out"
	echo "cli tests/cli.sh $out"
	case $out in */release) echo "contributing tests/tree/contributing.sh $out" ;; esac
	case $out in # rehearsals of check-gpu and bench-gpu; builds with a sanitizer only run the device tests of it
	*/release)
		echo "gpu env GPU=stub SHORT=1 JOBS=1 tests/gpu/check.sh $out"
		echo "bench-gpu tests/gpu/rehearse_bench.sh $out"
		echo "serve tests/serve/run.sh $out"
		;;
	esac
	for program in "$out"/tests/*/*; do
		[ "$program" != "$out/tests/kernels/kernels" ] || continue # takes minutes: make check-kernels
		if [ -f "$program" ] && [ -x "$program" ]; then
			if left_out "$program"; then
				echo "${program#"$out"/tests/} echo skipped: ${program#"$out"/tests/}: 1 program, in the release build only"
			else
				echo "${program#"$out"/tests/} $program"
			fi
		fi
	done
	echo "tables tests/tree/tables.sh $out"
	echo "templates tests/tree/templates.sh"
	echo "layers tests/tree/layers.sh $out"
	echo "tree-sizes tests/tree/sizes.sh"
}

run_part() {
	local name=${1%% *} command=${1#* }
	local log=$logs/${name//\//-}.log start=$SECONDS
	# shellcheck disable=SC2086
	timeout "$limit" $command >"$log" 2>&1
	local code=$?
	[ $code = 124 ] && echo "timed out after $limit s" >>"$log"
	local counts
	counts=$(awk -v code=$code -f tests/counts.awk "$log")
	echo "$counts" >"${log%.log}.counts"
	read -r passed failed skipped <<<"$counts"
	local text="$passed passed"
	[ "$failed" != 0 ] && text="$text, $failed FAILED"
	[ "$skipped" != 0 ] && text="$text, $skipped skipped"
	((SECONDS - start >= 10)) && text="$text, $((SECONDS - start)) s"
	printf '  %-28s %s\n' "$name" "$text"
	if [ "$failed" != 0 ]; then
		tail -n 40 "$log" | sed 's/^/    | /'
	fi
	grep '^skipped: ' "$log" | sed 's/^/    /'
	return 0
}
export -f run_part
export logs limit

# shellcheck disable=SC2016
parts | xargs -P "${CHECK_JOBS:-2}" -d '\n' -I{} bash -c 'run_part "$1"' _ {}
cat "$logs"/*.counts | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed != 0 }'
