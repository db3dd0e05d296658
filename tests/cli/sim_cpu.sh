#!/usr/bin/env bash
# A simulated CPU with many cores: budgets of its units, the same tiles as for a real CPU under the same limits, no C compiler.
. "$LIBRARY"
cp "$SAMPLES/digits/digits.onnx" .
run erc compile digits.onnx -o sim.erca --dim batch=64 --target sim:epyc-64 --cc no-such-compiler --quiet
run erc inspect sim.erca --budgets --format csv | cut -d, -f1-4 | grep ^sim
quietly erc compile digits.onnx -o both.erca --dim batch=64 --target sim:epyc-64,cpu:x86-64-v4 --budget name=some,units=16,local=256KiB --quiet
for target in sim:epyc-64 cpu:x86-64-v4; do
	erc inspect both.erca --variants --format csv | grep "^main,$target," | cut -d, -f3-11 >"${target%:*}.csv"
done
cmp sim.csv cpu.csv && echo "$(wc -l <sim.csv) launches with the same tiles"
run erc compile digits.onnx -o x.erca --dim batch=64 --target sim:epyc-64 --budget name=big,units=65 --quiet
echo '{ "clients": [ { "name": "a", "model": "m", "class": "rt", "load": "periodic", "rate": 1000 } ] }' >one.json
erc bench --quiet --workload one.json --model m=sim.erca --device sim:epyc-64 --rounds 1 --slice 0.01 --format csv >bench.csv && grep -E '^(target|units),' bench.csv
