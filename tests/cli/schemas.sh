#!/usr/bin/env bash
# What the command prints as JSON, and the files that it takes, against schemas/*.schema.json; broken ones must fail.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target sim:h100,cpu:x86-64-v3 --quiet
for name in "$SCHEMAS"/*.schema.json; do
	"$VALIDATE" "$name" || echo "examples of $(basename "$name"): exit $?"
done

# valid SCHEMA FILE: says that the file is valid, or where it is not
valid() {
	if "$VALIDATE" "$SCHEMAS/$1.schema.json" "$2"; then echo "$2: valid $1"; fi
}

# good SCHEMA COMMAND...: the command's output is valid
good() {
	local schema=$1
	shift
	"$@" --format json >out.json || echo "exit $?"
	echo "$*" | sed "s|$MODELS/||"
	valid "$schema" out.json
}
good inspect erc inspect "$MODELS/relu_add.onnx"
good check erc check "$MODELS/relu_add.onnx"
good check erc check "$MODELS/unknown.onnx"
cp out.json check.json
good inspect erc inspect digits.erca
for part in --plan --memory --kernels --variants --budgets; do
	good inspect erc inspect digits.erca $part
done
quietly erc compile "$SAMPLES/digits/digits.onnx" -o tiny.erca --dim batch=1 --target sim:h100 --budget full,name=tiny,share=0.005 --quiet
good inspect erc inspect tiny.erca --budgets
grep -c budget_bytes out.json
good inspect erc inspect digits.erca --plan --memory --kernels --variants --budgets
cp out.json parts.json
erc inspect digits.erca --meta >meta.json
valid meta meta.json
good bench erc bench digits.erca --target cpu:x86-64-v3 --runs 3
cp out.json bench.json
cat >pair.json <<'JSON'
{ "clients": [ { "name": "a", "model": "m", "class": "rt", "load": "periodic", "rate": 1000 },
               { "name": "b", "model": "m", "class": "be", "load": "closed" } ] }
JSON
good bench erc bench --quiet --workload pair.json --model m=digits.erca --device sim:h100 --slice 0.005 --rounds 1 --load 0.1,0.2 --policy elastic,fifo
cp out.json workload.json
# Every RT request is refused, so nothing of RT is measured.
sed 's/"load": "periodic", "rate": 1000/"load": "closed", "deadline_us": 1/' pair.json >none.json
good bench erc bench --quiet --workload none.json --model m=digits.erca --device sim:h100 --slice 0.005 --rounds 1 --shed
echo '{ "schema": "erc.budget/1", "budgets": ["half", { "name": "edge", "units": 8, "local": "48KiB" }] }' >budget.json
quietly erc compile "$SAMPLES/digits/digits.onnx" -o x.erca --dim batch=1 --target sim:h100 --budget budget.json --quiet
valid budget budget.json
for name in "$SAMPLES"/workloads/*.json; do
	cp "$name" .
	valid workload "$(basename "$name")"
done

# bad SCHEMA FILE SED: the file with this change is not valid
bad() {
	sed -E "$3" "$2" >bad.json
	cmp -s "$2" bad.json && echo "unchanged: $3"
	echo "$2, $3"
	valid "$1" bad.json
}
bad bench bench.json 's/"runs":.*[0-9]/"runs": "many"/'
bad bench workload.json '0,/"policy"/s//"polizei"/'
bad bench workload.json 's/"arrivals":.*"open"/"arrivals": "closed"/'
bad inspect parts.json '0,/"tiles":\s*/s//"tiles": -/'
bad inspect parts.json 's/"units_within_5":\s*/"units_within_5": -/'
bad inspect parts.json '0,/"speed":\s*1$/s//"speed": 1.5/'
bad check check.json 's/"schema":.*,/"schema": "erc.check\/0",/'
bad meta meta.json 's/"opset":17/"opset":17.5/'
bad meta meta.json 's/"sha256":"./"sha256":"X/'
bad meta meta.json 's/"entries":\["main"\]/"entries":["main","main"]/'
bad budget budget.json 's/"edge"/"-edge"/'
bad budget budget.json 's/"units": 8/"units": 8, "share": 0.5/'
bad workload one_rt_one_be.json 's/"rt"/"realtime"/'
bad workload one_rt_one_be.json 's/, "rate": 50//'
bad workload bursts.json 's/0.31,/-0.31,/'
bad workload levels.json 's/"level": 1/"level": 1.5/'
bad workload levels.json 's/"schema"/"scheme"/'
