#!/usr/bin/env bash
# Golden tests of the command: cli.sh BUILD [NAME...]. Each tests/cli/NAME.sh runs in a folder of
# its own; its transcript must be tests/cli/expected/NAME.txt to the byte. UPDATE=1 writes that file anew.
set -uo pipefail
here=$(cd "$(dirname "$0")/cli" && pwd)
out=$(cd "$1" && pwd) || exit 1
shift
work=$out/cli
rm -rf "$work"
mkdir -p "$work/models"
"$out/tests/tiny_models" "$work/models" || exit 1
"$out/tests/nested_artifact" "$work/models/nested_calls.erca" || exit 1

export PATH=$out:$PATH
export MODELS=$work/models SAMPLES=$here/../../samples LIBRARY=$here/library.bash LIBRARY_DATA=$here/data
export VALIDATE=$out/tests/validate SCHEMAS=$here/../../schemas
export NO_COLOR=1 COLUMNS=80 LC_ALL=C XDG_CACHE_HOME=$here/../../build/cache
unset CC CFLAGS MAKEFLAGS
passed=0 failed=0 skipped=0
# The others' command has one thread, in which the thread sanitizer can find nothing.
several_threads='bench_sim bench_workload budgets_same_bits compile_cache compile_cuda compile_same_bytes digits'
several_threads+=' four_tenants run run_sizes two_tenants'

run_test() {
	local name=$1 folder=$work/$1 code
	mkdir -p "$folder"
	(cd "$folder" && timeout 120 bash "$here/$name.sh") >"$work/$name.out" 2>&1
	code=$?
	if [ $code = 77 ]; then
		sed -n 's/^skipped: /skipped: cli: /p' "$work/$name.out"
		skipped=$((skipped + 1))
		return
	fi
	[ -n "${UPDATE:-}" ] && [ $code = 0 ] && cp "$work/$name.out" "$here/expected/$name.txt"
	if [ $code = 0 ] && diff -u "$here/expected/$name.txt" "$work/$name.out" >"$work/$name.diff" 2>&1; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL: $name (exit code $code)"
	if [ $code = 0 ]; then cat "$work/$name.diff"; else cat "$work/$name.out"; fi
}

if [ $# = 0 ]; then
	for script in "$here"/*.sh; do
		name=$(basename "$script" .sh)
		if [[ $out == */tsan && " $several_threads " != *" $name "* ]]; then
			skipped=$((skipped + 1))
		else
			set -- "$@" "$name"
		fi
	done
	[ $skipped = 0 ] || echo "skipped: cli: $skipped scripts whose command has one thread, in the other builds"
fi
for name in "$@"; do
	run_test "$name"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
