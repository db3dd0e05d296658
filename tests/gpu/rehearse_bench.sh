#!/usr/bin/env bash
# A part of `make check`: bench.sh on the stand-in for CUDA, as small as possible. Takes seconds. The figures mean
# nothing, but every program runs, every part writes its figures and the table, and failures are reported.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
export GPU=stub QUICK=1 RESULTS=$out/bench-gpu/check XDG_CACHE_HOME=$PWD/build/cache
unset PARTS LIMIT_S MODELS COMPILE ROUNDS SLICE EVENTS TARGET
passed=0 failed=0
if ! command -v python3 >/dev/null 2>&1; then
	echo "skipped: bench-gpu: python3 is not here"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi

# is WHAT COMMAND...: counts whether it succeeds
is() {
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: $what"
	fi
}
has() { grep -qE "$1" "$2"; }
exits() {
	local code=$1
	shift
	"$@"
	[ $? = "$code" ]
}

rm -rf "$RESULTS"
mkdir -p "$RESULTS"
table=$RESULTS/table.txt
is "all parts run" exits 0 tests/gpu/bench.sh "$out" >"$table"
cat "$table"
for part in models gemm preempt tax loading phases workloads; do
	is "$part is in the table" has "^$part +[a-z0-9].* (us|ms)( |\$)" "$table"
done
is "no line of the table is wider than a terminal" exits 1 grep -qE '^.{80}' <(sed -n '/^part/,$p' "$table")
is "figures are plausible" python3 - "$RESULTS/gpu-bench.json" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1], encoding="utf-8"))
p = r["parts"]
assert r["device"] == "stand-in (no GPU)" and not r["failures"] and not r["left_out"], (r["failures"], r["left_out"])
for form in ("real_time", "best_effort"):
    assert 0 < p["models"]["digits"][form]["p50_us"] <= p["models"]["digits"][form]["p99_us"]
assert p["gemm"]["64"]["ours_us"][0] > 0
for policy in ("elastic", "priority"):
    events = p["preempt"]["gemm-s64"][policy]
    # a tile spins for at least 500 us, so no request ends sooner, and no unit begins before its request was submitted
    assert events["events"] == 20 and events["policy"] == policy
    for x in (x for x in events["times"] if x["events"]):
        assert x["p50_us"] >= (500 if x["to"] == "finished" else 0) and x["most_us"] < 3e7, x
tax = p["tax"]["digits"]
assert sum(tax[k]["launches"] for k in ("long", "short")) == len(tax["launches"]) > 3
assert all(x["plain_us"] > 0 and x["elastic_us"] > 0 for x in tax["launches"])
assert p["loading"]["loads"] > 0 and p["loading"]["loading"]["requests"] > 0 and p["loading"]["undisturbed"]["requests"] > 0
for how in ("with", "without"):
    assert len(p["phases"][how]) == 1 and p["phases"][how][0]["rt_mean_us"] > 0
for name in ("disb_a", "disb_c", "long"):
    assert {x["policy"] for x in p["workloads"][name]["loads"]} == {"elastic", "priority"}
PYTHON
is "the file is of its schema" "$out/tests/validate" schemas/gpu-bench.schema.json "$RESULTS/gpu-bench.json"
for name in disb_a disb_c long; do
	python3 -c 'import json, sys; json.dump(json.load(open(sys.argv[1]))["parts"]["workloads"][sys.argv[2]], sys.stdout)' \
		"$RESULTS/gpu-bench.json" $name >"$RESULTS/$name.json"
	is "$name is of its schema" "$out/tests/validate" schemas/bench.schema.json "$RESULTS/$name.json"
done
# A run of one part keeps the results of the others. Without time nothing is run, and this is reported.
is "a part alone" env PARTS=gemm tests/gpu/bench.sh "$out" >"$table"
is "keeps the others" has '"workloads": \{' "$RESULTS/gpu-bench.json"
is "no time" env LIMIT_S=0 PARTS=tax tests/gpu/bench.sh "$out" >"$table"
is "is told" has '^left out: tax: digits' "$table"
is "and written" has '"tax: digits"' "$RESULTS/gpu-bench.json"
# A failing program fails only its part; no other model here has so many kernels.
is "a failure" exits 1 env ERC_STUB_FAIL=cuModuleLoadDataEx:5 PARTS="preempt tax" tests/gpu/bench.sh "$out" >"$table"
is "is told" has '^FAILED: tax: digits' "$table"
is "and the other part runs" has '^preempt ' "$table"
# If the driver has no GPU, nothing can be measured.
is "no GPU" exits 6 env -u GPU ERC_LIBCUDA="$PWD/$out/stub/libcuda.so.1" ERC_STUB_DEVICES=0 tests/gpu/bench.sh "$out" 2>"$table"
is "is told" has 'no GPU' "$table"
is "PyTorch's side is a program" python3 -c 'import ast; ast.parse(open("tests/gpu/partners.py", encoding="utf-8").read())'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
