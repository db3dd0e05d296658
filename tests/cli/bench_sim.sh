#!/usr/bin/env bash
# A small `make bench-sim`: one network as both tenants, and a workload that is missing. Its cells are those of `erc bench`.
. "$LIBRARY"
command -v python3 >/dev/null || skip "bench_sim needs Python"
erc=$(command -v erc)
[ -x "$(dirname "$erc")/make_model" ] || skip "bench_sim needs make_model (make build/release/make_model)"
mkdir -p build data/workloads/disb
ln -s "$erc" "$(dirname "$erc")/make_model" build/
cat >data/workloads/disb/C.json <<'JSON'
{ "tasks": [ { "id": "a_rt", "load": { "type": "periodic", "frequency": 100 }, "client": { "model_name": "inceptionv3-imagenet" } },
             { "id": "a_be", "load": { "type": "continuous" }, "client": { "model_name": "inceptionv3-imagenet" } } ] }
JSON
sweep() {
	ERC_TESTDATA=data RESULTS=results DEVICES=sim:h100 WORKLOADS="C E" LOADS="${1:-0.3,0.9}" POLICIES=elastic,fifo ROUNDS=2 SLICE=0.05 JOBS=1 \
		python3 "$SAMPLES/../tests/bench/sim.py" build 2>&1 |
		sed -E 's/: [0-9.]+ s$/: T s/; s/in [0-9]+ s \([0-9]+ s/in T s (T s/' | sort
}
sweep
echo "# again: nothing is run"
sweep
ls results
"$VALIDATE" "$SCHEMAS/bench-sim.schema.json" results/sim.json && echo valid
python3 - results/sim-h100-C.svg <<'PYTHON'
import sys, xml.dom.minidom
document = xml.dom.minidom.parse(sys.argv[1])
print(sorted({node.firstChild.data for node in document.getElementsByTagName("text")} & {"elastic", "fifo", "RT alone"}))
PYTHON
erc bench --workload data/workloads/disb/C.json --device sim:h100 --policy elastic,fifo --load 0.3,0.9 --rounds 2 --slice 0.05 --quiet \
	--model inceptionv3-imagenet=build/bench/sim/inceptionv3.erca --format json >direct.json
cat >same.py <<'PYTHON'
import json
cells = json.load(open("results/sim.json"))["sweeps"][0]["cells"]
rows = json.load(open("direct.json"))["loads"]
print(len(cells), "cells, as by hand:", all(row[key] == cell[key] for row, cell in zip(rows, cells) for key in cell))
text = open("results/sim-h100-C.md").read()
print("in the table:", all(f"{row['in_time'] * 100:.1f} %" in text and f"{row['rt_mean_ratio']:.3f}" in text for row in rows))
PYTHON
python3 same.py
sweep half
