# shellcheck shell=bash disable=SC2034,SC2154
# How check.sh counts, and writes its table and JSON. The steps of a part are in files in $work, which later runs on the
# same device use again.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$PWD/build/cache}
JOBS=${JOBS:-$(nproc)}

fact() {
	sed -n "s/^$1 //p" <<<"$facts"
}

# Sets device, target, driver and revision; `compiled`, the target for models; and `tested`, the value of ERC_TEST_GPU.
find_gpu() {
	case ${GPU:-} in
	"" | stub) ;;
	*)
		echo "GPU='$GPU': it is left out, or stub for a rehearsal" >&2
		return 1
		;;
	esac
	if [ "${GPU:-}" = stub ]; then
		export ERC_LIBCUDA=$dir/stub/libcuda.so.1
		SANITIZER=${SANITIZER:-tests/gpu/no_sanitizer.sh}
		results=$dir
	else
		SANITIZER=${SANITIZER:-$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)}
		results=tests/bench/results
	fi
	results=${RESULTS:-$results}
	mkdir -p "$results"
	facts=$("$dir/gpu_device") || {
		echo "there is nothing to test on; GPU=stub rehearses on the stand-in" >&2
		return 1
	}
	target=$(fact target)
	driver=$(fact driver)
	compiled=$target
	tested=$target
	device=$(fact name)
	if [ "${GPU:-}" = stub ]; then
		device="stand-in (no GPU)"
		compiled=emulated:${target#cuda:}
		tested=stub
	fi
	work=$dir/gpu-check.d/${tested#cuda:}
	mkdir -p "$work"
	revision=$(git rev-parse --short=12 HEAD 2>/dev/null || cat "$dir/revision" 2>/dev/null || echo unknown)
	[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || revision+="+changes"
}

has_compiler() {
	command -v "${CC:-cc}" >/dev/null
}

# ---- steps ----

begin_part() {
	rm -f "$work/$part".{steps,failures,skips,done,when} "$work/$part"-*.log
	touch "$work/$part".{steps,failures,skips}
	timeouts=0
	write_json
}

# count STEP PASSED FAILED SKIPPED SECONDS [FAILURE]: records a step
count() {
	echo "$1 $2 $3 $4 $5" >>"$work/$part.steps"
	[ -z "${6:-}" ] || echo "$1: $6" >>"$work/$part.failures"
	printf '  %-9s %-22s %5s passed %5s failed %5s skipped %5s s\n' "$part" "$1" "$2" "$3" "$4" "$5"
	write_json
}

# skip STEP REASON
skip() {
	echo "$1: $2" >>"$work/$part.skips"
	count "$1" 0 0 1 0
}

# The failures in a log, a line each: tests of Check, and lines of our programs with FAIL or lost.
failures_of() {
	sed -nE 's/^[^: ]+:[0-9]+:[FE]:[^:]*:([^:]+):([0-9]+): (.*)/\1 \2: \3/p; s/^(FAIL|lost): //p' "$1" | cut -c1-200 | head -n 50
}

# step NAME SECONDS COMMAND...: runs the command for at most SECONDS; its output is in a log. After two steps of a part
# ran out of time, the rest of the part is left out, because time on a GPU is expensive.
step() {
	local name=$1 limit=$2 log=$work/$part-$1.log began=$SECONDS code passed failed skipped
	shift 2
	if [ $timeouts -ge 2 ]; then
		skip "$name" "two steps before it ran out of time"
		return
	fi
	timeout -k 10 "$limit" "$@" >"$log" 2>&1
	code=$?
	if [ $code = 124 ] || [ $code = 137 ]; then
		echo "FAIL: timed out after $limit s" >>"$log"
		timeouts=$((timeouts + 1))
	fi
	read -r passed failed skipped <<<"$(awk -v code=$code -f tests/counts.awk "$log")"
	failures_of "$log" >"$work/names"
	[ "$failed" = 0 ] || [ -s "$work/names" ] || echo "exit code $code; see $log" >"$work/names"
	sed "s/^/$name: /" "$work/names" >>"$work/$part.failures"
	sed -n "s/^skipped: /$name: /p" "$log" >>"$work/$part.skips"
	[ "$failed" = 0 ] || tail -n 20 "$log" | cut -c1-200 | sed 's/^/    | /'
	count "$name" "$passed" "$failed" "$skipped" $((SECONDS - began))
}

end_part() {
	: >"$work/$part.done"
	echo "$revision $(date -u +%FT%TZ)" >"$work/$part.when"
	write_json
}

# ---- the table and the file ----

all_parts="devices errors ops models preempt sanitize"

# sums PART: passed failed skipped seconds
sums() {
	awk '{ p += $2; f += $3; s += $4; t += $5 } END { print p + 0, f + 0, s + 0, t + 0 }' "$work/$1.steps"
}

json_text() {
	sed 's/[^[:print:]]/?/g; s/\\/\\\\/g; s/"/\\"/g; s/.*/"&"/'
}

# json_list FILE: its lines as a JSON list
json_list() {
	json_text <"$1" | paste -sd, | sed 's/,"/, "/g'
}

json_part() {
	local passed failed skipped seconds when
	read -r passed failed skipped seconds <<<"$(sums "$1")"
	when=$(cat "$work/$1.when" 2>/dev/null || echo "$revision $(date -u +%FT%TZ)")
	printf '\t\t{ "part": "%s", "passed": %s, "failed": %s, "skipped": %s, "seconds": %s, "whole": %s, "revision": "%s", "date": "%s",\n' \
		"$1" "$passed" "$failed" "$skipped" "$seconds" "$([ -f "$work/$1.done" ] && echo true || echo false)" "${when% *}" "${when#* }"
	printf '\t\t  "failures": [%s],\n\t\t  "skips": [%s] }' "$(json_list "$work/$1.failures")" "$(json_list "$work/$1.skips")"
}

write_json() {
	local name separator=
	{
		printf '{\n\t"schema": "erc.gpu-check/1",\n\t"device": %s,\n\t"target": "%s",\n\t"driver": "%s",\n\t"date": "%s",\n\t"revision": "%s",\n\t"parts": [\n' \
			"$(json_text <<<"$device")" "$target" "$driver" "$(date -u +%FT%TZ)" "$revision"
		for name in $all_parts; do
			[ -s "$work/$name.steps" ] || continue
			printf '%s' "$separator"
			json_part "$name"
			separator=$',\n'
		done
		printf '\n\t]\n}\n'
	} >"$work/json" && mv "$work/json" "$results/gpu-check.json"
}

# Prints the parts of this run, the skipped steps with reasons, and the counts. Fails if a step failed.
print_table() {
	local passed failed skipped seconds all_passed=0 all_failed=0 all_skipped=0
	printf '%-10s %8s %8s %8s %8s\n' part passed failed skipped seconds
	for part in ${PARTS:-$all_parts}; do
		read -r passed failed skipped seconds <<<"$(sums "$part")"
		printf '%-10s %8s %8s %8s %8s\n' "$part" "$passed" "$failed" "$skipped" "$seconds"
		all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
	done
	for part in ${PARTS:-$all_parts}; do
		sed "s/^/FAIL: $part: /" "$work/$part.failures"
		sed "s/^/skipped: gpu: $part: /" "$work/$part.skips"
	done
	echo "results: $results/gpu-check.json"
	if [ -x "$dir/tests/validate" ] && ! "$dir/tests/validate" schemas/gpu-check.schema.json "$results/gpu-check.json"; then
		all_failed=$((all_failed + 1))
	fi
	echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
	[ $all_failed = 0 ]
}
