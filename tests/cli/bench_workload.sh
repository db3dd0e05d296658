#!/usr/bin/env bash
# `erc bench --workload` on the virtual device, where figures are the same on every machine: forms, policies, loads,
# shedding, DISB's files; wrong workloads and options.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o d.erca --dim batch=1 --target sim:h100,native --quiet
cat >pair.json <<'JSON'
{
  "schema": "erc.workload/1", "name": "pair", "seconds": 0.005,
  "clients": [
    { "name": "camera", "model": "digits", "class": "rt", "load": "periodic", "rate": 20000 },
    { "name": "batch", "model": "digits", "class": "be", "load": "closed", "in_flight": 3 }
  ]
}
JSON
bench() { run erc bench --quiet --device sim:h100 --rounds 2 --model digits=d.erca "$@"; }
# figures JSON KEY...: the values of each row of the loads
figures() {
	local json=$1 key
	shift
	for key in "$@"; do
		echo "$key: $(sed -n '/"loads"/,$p' "$json" | sed -nE "s/^\s*\"$key\":\s*(.*[^,]),?\$/\1/p" | paste -sd' ')"
	done
}

# Arrival times depend only on the seed. Under elastic RT is the same beside BE as alone; under fifo it is not.
bench --workload pair.json --policy elastic,fifo
bench --workload pair.json --policy priority --load 0.1..0.3 --rounds 1 --format md
all=$(sed -nE 's/^POLICY\(([a-z]+),.*/\1/p' "$SAMPLES/../runtime/sched/policies.def" | paste -sd,)
bench --workload pair.json --policy "$all" --load 0.5 --format csv --seed 7 |
	cut -d, -f1-7,13-16
# Twice the load that one unit can serve: late requests wait, are refused, or are dropped.
for how in '--arrivals open' --shed '--arrivals disb'; do
	bench --workload pair.json --workers 1 --load 2 $how --rounds 1 --format csv | grep -A1 ^policy | cut -d, -f1-5,19-21
done
erc bench --quiet --device sim:h100 --model digits=d.erca --workload pair.json --load 0.3,0.6 --policy elastic,fifo --format json >first.json
erc bench --quiet --device sim:h100 --model digits=d.erca --workload pair.json --load 0.3,0.6 --policy elastic,fifo --format json >second.json
run cmp first.json second.json
grep -E '"(policy|load)"' first.json
run erc bench --quiet --workload pair.json --model digits=d.erca --device sim:h100 --rounds 1 --trace trace.json --format csv | head -1
head -c 15 trace.json
echo

# A deadline is the valid time. RT alone on one unit takes 27.257 us, and its requests never overlap.
for valid in '"deadline_us": 27' '"deadline_us": 28'; do
	sed "s/\"rate\"/$valid, &/; s/20000 },/10000 }/; /batch/d" pair.json >valid.json
	erc bench --quiet --device sim:h100 --rounds 1 --workers 1 --model digits=d.erca --workload valid.json --format json >valid.out
	echo "$valid"
	figures valid.out in_time rt_solo_in_time in_time_per_second goodput_2 rt_arrivals verdict
done
for factor in 1.5 2; do
	sed "s/\"rate\"/\"valid_factor\": $factor, &/" pair.json >valid.json
	bench --workload valid.json --policy priority --workers 2 --format json | sed 1d >valid.out
	figures valid.out in_time goodput_1_5 goodput_2
done

# A closed loop whose requests are refused tries again after its valid time: 1000 times 5 us in 5000 us. A client that meets
# its deadline alone is refused beside a more urgent one, and tries again when that one ends.
cat >refused.json <<'JSON'
{ "clients": [ { "name": "a", "model": "digits", "class": "rt", "load": "closed", "deadline_us": 5 },
               { "name": "b", "model": "digits", "class": "be", "load": "closed" } ] }
JSON
sed 's/"deadline_us": 5 }/"deadline_us": 11 }, { "name": "c", "model": "digits", "class": "rt", "level": 1, "load": "closed", "deadline_us": 11 }/' \
	refused.json >turns.json
for name in refused turns; do
	for device in sim:h100 null cpu; do
		timeout 60 erc bench --quiet --shed --policy exclusive --device $device --rounds 1 --slice 0.005 --model digits=d.erca --workload $name.json \
			--format json >$name.$device.out
		echo "$name on $device: exit $?"
	done
	figures $name.sim:h100.out rt_arrivals rt_shed in_time verdict
	grep '"service_us\.a"' $name.sim:h100.out # nothing is refused while the medians are measured
done

# Models are compiled for the device, each once, into a file that is removed; the progress lines show it.
cp "$SAMPLES/digits/digits.onnx" .
mkdir tmp
sed '/camera/s/"digits"/"digits.onnx"/' pair.json >onnx.json
run env TMPDIR=tmp erc bench --device sim:h100 --workload "$PWD/onnx.json" --model digits=./digits.onnx --dim batch=1 \
	--rounds 1 2>&1 | sed '/^! .*digits.onnx: /d; s|'"$PWD"'/||g' | sed -n '/^!/p; /^clients/,/^$/p'
erc bench --quiet --workload onnx.json --model digits=./digits.onnx --dim batch=1 --rounds 1 --format json >onnx.out && figures onnx.out policy
erc bench --quiet --device null --workload onnx.json --model digits=./digits.onnx --dim batch=1 --rounds 1 --format json >onnx.out &&
	figures onnx.out policy
sed '/camera/s/"digits"/"gone.onnx"/' pair.json >gone.json
bench --workload gone.json
sed "/camera/s|\"digits\"|\"$MODELS/unknown.onnx\"|" pair.json >unknown.json
bench --workload unknown.json 2>&1 | sed "s|$MODELS/||"
run env TMPDIR=tmp erc bench --quiet --workload unknown.json --model digits=d.erca --device sim:h100 2>&1 | sed "s|$MODELS/||;s|$PWD/||" | tail -1
run env TMPDIR=/nowhere erc bench --quiet --device sim:h100 --workload onnx.json --model digits=digits.onnx
# A signal while a slow compiler runs.
printf '#!/bin/sh\nsleep 3\n' >slow-cc
chmod +x slow-cc
CC=$PWD/slow-cc TMPDIR=tmp XDG_CACHE_HOME=$PWD/cache erc bench --quiet --workload onnx.json --model digits=digits.onnx --dim batch=1 &
for ((i = 0; i < 200; i++)); do
	[ -e "$(echo tmp/erc-*)" ] && break
	sleep 0.05
done
ls tmp | sed 's/erc-.*/erc-X/'
kill -TERM $!
wait $!
echo "exit $?"
ls tmp

# Contention has no effect on a network that stays in the cache.
erc bench --quiet --device sim:h100 --model digits=d.erca --workload pair.json --policy concurrent --rounds 1 --contention --format json >contention.out
figures contention.out rt_mean_ratio be_alone_ratio

# The command accepts every policy of the runtime.
policies=$(erc version --format csv | awk '/^name$/ { tables++; next } tables == 3' | paste -sd,)
erc bench --quiet --device sim:h100 --model digits=d.erca --workload pair.json --rounds 1 --slice 0.001 --policy "$policies" --format json >all.out
echo "$policies"
figures all.out policy

# Every sample workload runs.
for name in "$SAMPLES"/workloads/*.json; do
	models=$(sed -nE 's/.*"model": "([a-z0-9]+)".*/--model \1=d.erca/p' "$name" | sort -u)
	# shellcheck disable=SC2086 # words
	quietly erc bench --workload "$name" --device sim:h100 --slice 0.002 --rounds 1 $models
done

# A DISB file: ids that end in _rt are real-time; models by a map.
cat >disb.json <<'JSON'
{
  "time": 5,
  "tasks": [
    { "id": "one_rt", "load": { "type": "periodic", "priority": 0, "frequency": 1000 },
      "client": { "name": "one_rt", "model_name": "small-net", "batch_size": 1 } },
    { "id": "two_rt", "load": { "type": "trace", "trace": [0, 0.4, 0.7, 1.9, 2.0] }, "client": { "model_name": "small-net" } },
    { "id": "three_be", "load": { "type": "continuous" }, "client": { "model_name": "other-net" } }
  ]
}
JSON
run erc bench --quiet --workload disb.json --device sim:h100 --slice 0.01 --rounds 1 --model small-net=d.erca --model other-net=d.erca
run erc bench --quiet --workload disb.json --device sim:h100 --model small-net=d.erca

# Messages say what is wrong, and where. Exit code 2, but 1 for a file that cannot be read, and 4 for one that is not an artifact.
changed() {
	sed -E "$1" "${2:-pair.json}" >bad.json
	cmp -s "${2:-pair.json}" bad.json && echo "unchanged: $1"
	echo "# $1"
	bench --workload bad.json | grep -v '^\$'
}
bench --workload missing.json
run erc bench --quiet --workload pair.json --model digits=missing.erca --device sim:h100
run erc bench --quiet --workload pair.json --model digits=pair.json --device sim:h100
run erc bench --quiet --workload pair.json --model dig=d.erca --device sim:h100
run erc bench --quiet --workload pair.json --device sim:h100
bench --workload pair.json --policy elastic,lottery
bench --workload pair.json --policy ,
bench --workload pair.json --load half
bench --workload refused.json --load 0.5
run erc bench --quiet --workload pair.json --model digits=d.erca --contention
bench --workload pair.json --arrivals closed
bench --workload pair.json --format xml
bench d.erca --workload pair.json
changed 's/"seconds": 0.005,/"seconds": 0.005/'
changed 's/"erc.workload.1"/"erc.workload\/9"/'
changed 's/"name": "pair"/"name": 5/'
changed 's/0\.005/"long"/'
changed 's/"clients"/"client"/'
changed 's/"seconds"/"second"/'
changed 's/"model": "digits", "class": "be"/"class": "be"/'
changed 's/"class": "be"/"class": "best"/'
changed 's/"load": "closed"/"load": "open"/'
changed 's/"rate": 20000/"rate": "fast"/'
changed 's/"rate": 20000/"rate": 0/'
changed 's/, "rate": 20000//'
changed 's/"load": "closed"/"load": "closed", "rate": 5/'
changed 's/"rate": 20000/"rate": 20000, "gaps_s": [1]/'
changed 's/"load": "closed"/"load": "trace"/; s/, "in_flight": 3//'
changed 's/"load": "closed"/"load": "trace", "gaps_s": [0, 0]/; s/, "in_flight": 3//'
changed 's/"load": "closed"/"load": "trace", "gaps_s": [0.1, "x"]/; s/, "in_flight": 3//'
changed 's/"load": "closed"/"load": "trace", "gaps_s": "nowhere.json"/; s/, "in_flight": 3//'
changed 's/"in_flight": 3/"in_flight": 65/'
changed 's/"in_flight": 3/"in_flight": 1.5/'
changed 's/"in_flight": 3/"weight": -1/'
changed 's/"in_flight": 3/"in_fligt": 3/'
changed 's/"in_flight": 3/"budget": "enormous"/'
changed 's/"name": "batch"/"name": "camera"/'
for text in '{ "clients": [5] }' '{ "clients": [] }' '[]' '{ "tasks": [5] }'; do
	echo "$text" >bad.json
	echo "# $text"
	bench --workload bad.json | grep -v '^\$'
done
changed 's/"frequency": 1000/"frequency": null/' disb.json
changed 's/"continuous"/"eager"/' disb.json
changed 's/1.9, 2.0/1.9, 1.5/' disb.json
changed 's/"model_name": "other-net"//' disb.json
